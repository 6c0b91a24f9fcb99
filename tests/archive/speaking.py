"""Says line after line to an archive, and tells each number once it is kept."""

import sys
from itertools import count

from duotempo.archive.people import Conversations

person = Conversations(sys.argv[1]).of(sys.argv[2])
session = person.begin()
for n in count():
    person.say(session, "user", f"line {n}")
    sys.stdout.write(f"{n}\n")
    sys.stdout.flush()
