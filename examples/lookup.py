"""The archive alone: text kept as it came, and the sentences that say most of a question's words.

Run: python examples/lookup.py
"""

import tempfile
from pathlib import Path

from duotempo.archive import Archive

LETTERS = {
    "march": "Dear Ida, we moved to Lisbon in March. The flat looks over the river. ",
    "june": "Dear Ida, the cello is back from Mr. Ramos, who mended the neck. I play it daily. ",
}

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "letters.sqlite"
    with Archive.open(path) as archive:
        for name, letter in LETTERS.items():
            for start in range(0, len(letter), 20):  # a stream may be cut anywhere
                archive.append(name, letter[start : start + 20])

    with Archive.open(path) as archive:  # another day, another process
        for question in ("Which river is it?", "Who mended the cello?", "mending"):
            (found,) = archive.search(question, k=1)
            place = f"{found.source}, characters {found.start} to {found.end}"
            print(f"{question:24} {found.line}  ({place})")
        assert archive.text("june") == LETTERS["june"]
        assert archive.verify() == []
