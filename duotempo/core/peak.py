"""The most memory that this process has held so far."""

import resource
import sys


def peak_bytes() -> int:
    """Bytes of memory at the peak of this process."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # elsewhere told in KiB
