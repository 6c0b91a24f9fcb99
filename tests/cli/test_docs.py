"""The page of commands in the docs is the help that the commands give."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_page_of_commands_is_up_to_date():
    made = runpy.run_path(str(DOCS / "make_cli.py"))["page"]()
    kept = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    assert kept == made, "run: python docs/make_cli.py"


def test_the_page_of_results_is_up_to_date():
    made = runpy.run_path(str(DOCS / "make_results.py"))["page"]()
    kept = (DOCS / "results.md").read_text(encoding="utf-8")
    assert kept == made, "run: python docs/make_results.py"


def test_the_pictures_of_sleep_show_the_committed_rows():
    make = runpy.run_path(str(DOCS / "make_sleep_pictures.py"))
    for name, made in make["pictures"]().items():
        kept = (DOCS / "figures" / name).read_text(encoding="utf-8")
        assert kept == made, "run: python docs/make_sleep_pictures.py"


def test_the_example_of_a_flow_report_shows_the_committed_one():
    for name, made in runpy.run_path(str(DOCS / "make_flow.py"))["files"]().items():
        kept = (DOCS / name).read_text(encoding="utf-8")
        assert kept == made, "run: python docs/make_flow.py"
