"""Write docs/reference/cli.md from the commands themselves; a test compares the two."""

import re
from pathlib import Path

from duotempo.cli.app import app

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = "<!-- made by docs/make_cli.py: change the commands, then run it -->\n\n"
CONTENTS = re.compile(r"## Table of Contents\n.*?\n\n(?=\*\*)", re.DOTALL)


def page() -> str:
    """The help of every command, as one page; its contents stand beside it already."""
    return HEAD + CONTENTS.sub("", app.generate_docs()).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
