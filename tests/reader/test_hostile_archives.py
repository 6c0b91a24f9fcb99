"""Laws of a stranger's archive: what was tampered with is refused, whatever its name says."""

import sqlite3
from contextlib import closing

import pytest

from duotempo.core import UserError
from duotempo.reader import Reader
from tests.reader.strangers import file_of, seal

pytestmark = pytest.mark.usefixtures("at_hand", "unchecked")


def rewritten(*statements):
    """Harm by SQL, with the log's guards out of the way."""

    def harm(path):
        with closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    return harm


UNGUARDED = ("DROP TRIGGER entry_stays", "DROP TRIGGER entry_remains")
GUARDED = (
    "CREATE TRIGGER entry_stays BEFORE UPDATE ON entry "
    "BEGIN SELECT RAISE (ABORT, 'the log is append-only'); END",
    "CREATE TRIGGER entry_remains BEFORE DELETE ON entry "
    "BEGIN SELECT RAISE (ABORT, 'the log is append-only'); END",
)
TAMPERING = {
    "text": lambda path: path.write_text("Once upon a time. " * 300),
    "nothing": lambda path: path.write_bytes(b""),
    "no guards": rewritten(*UNGUARDED),
    "another's text": rewritten(
        UNGUARDED[0], "UPDATE entry SET text = replace(text, 'dog', 'cat')", GUARDED[0]
    ),
    "a piece lost": rewritten(UNGUARDED[1], "DELETE FROM entry WHERE id = 1", GUARDED[1]),
    "another's sentences": rewritten("UPDATE words SET text = 'The dog is a cat.'"),
    "sentences elsewhere": rewritten("UPDATE sentence SET start = start + 1"),
    "one table more": rewritten("CREATE TABLE more (x)"),
    "a trigger more": rewritten(
        "CREATE TRIGGER evil AFTER INSERT ON entry BEGIN DELETE FROM source; END"
    ),
    "a view more": rewritten("CREATE VIEW evil AS SELECT load_extension('x')"),
    "later": rewritten("PRAGMA user_version = 99"),
    "before all": rewritten("PRAGMA user_version = -1"),
    "no version": rewritten("PRAGMA user_version = 0"),
    "another program's": rewritten("PRAGMA application_id = 7"),
}


@pytest.mark.parametrize("harm", list(TAMPERING))
def test_an_archive_that_was_tampered_with_is_refused(folder, harm):
    path = file_of(folder, "archive")
    TAMPERING[harm](path)
    seal(folder, "archive", path)
    if harm == "nothing":  # an empty file is an archive in which nothing was kept yet
        assert Reader.load(folder).archive.text() == ""
        return
    with pytest.raises(UserError, match="is not sound"):
        Reader.load(folder)
