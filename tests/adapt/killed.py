"""A run of adapt that kills itself while a given cycle's row is shown, before it is saved."""

import os
import signal
import sys
from pathlib import Path

from tests.adapt.runs import going

if __name__ == "__main__":
    folder, cycle = Path(sys.argv[1]), int(sys.argv[2])

    def shown(row):
        """Dies at a cycle."""
        if row["cycle"] == cycle:
            os.kill(os.getpid(), signal.SIGKILL)

    going(folder, shown=shown)
