"""Write docs/reference/cli.md from the commands themselves; a test compares the two."""

from pathlib import Path

from duotempo.cli.app import app

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = "<!-- made by docs/make_cli.py: change the commands, then run it -->\n\n"


def page() -> str:
    """The help of every command, as one page."""
    return HEAD + app.generate_docs(recursive=True).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
