"""The archive: an append-only log of what was read, and its sentences, found by their words."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from duotempo.archive.lookup import letters, query, words, worths
from duotempo.archive.records import Sentence, Source
from duotempo.archive.schema import WORDS, connect, told, writing
from duotempo.archive.sentences import split
from duotempo.core import UserError

PLACED = (
    "SELECT sentence.id, source.name, start, words.text, {score} FROM sentence "
    "JOIN source ON source.id = sentence.source JOIN words ON words.rowid = sentence.id WHERE "
)


class Archive:
    """Text kept on disk, source by source, exactly as it came; searched sentence by sentence.

    The log of pieces is the truth and only grows. The sentences with their word index are
    derived from it, in the same transaction, and are the same wherever the text was cut into
    pieces. What `append` has returned from outlives the process and the power. Several processes
    may use one archive; each opens its own.
    """

    def __init__(self, path: Path | str, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    @classmethod
    def open(cls, path: Path | str) -> "Archive":
        """Open or make the archive in the file `path`, or one that lives as long as it is open
        (`:memory:`). Raises `UserError` for a file that is no archive, damaged or newer."""
        return cls(path, connect(path))

    def close(self) -> None:
        """Let the file go; what was appended is already safe."""
        self._db.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, source: str, text: str, at: int | None = None) -> tuple[int, ...]:
        """Keep a piece of text at the end of a source; the ids of the sentences it touched.

        A piece may end anywhere: its last sentence stays open, can be searched at once, and grows
        with the next piece. The same text again is the same text read twice, and kept twice. A
        reader that may have been killed between reading and noting how far it had come says with
        `at` at which character of the source the piece begins: what is kept already is not kept
        again. Raises `UserError` if the source says something else there, or ends before `at`.
        """
        if not text:
            return ()
        with told(self.path), writing(self._db):
            (number,) = self._db.execute(
                "INSERT INTO source (name) VALUES (?) "
                "ON CONFLICT (name) DO UPDATE SET name = name RETURNING id",
                (source,),
            ).fetchone()
            last = self._db.execute(
                "SELECT end, address FROM entry WHERE source = ? ORDER BY start DESC LIMIT 1",
                (number,),
            ).fetchone()
            end, address = last or (0, "")
            if at is not None:
                text = text[self._kept(number, end, text, at) :]
            if not text:
                return ()
            self._db.execute(
                "INSERT INTO entry (source, start, end, text, address) VALUES (?, ?, ?, ?, ?)",
                (number, end, end + len(text), text, _address(address, text)),
            )
            return self._derive(number, text)

    def search(self, question: str, k: int = 4) -> list[Sentence]:
        """The k sentences that say most of the question's words, best first (BM25, Porter stems).

        Any text may be asked. Among equals the earlier comes first; a sentence read several times
        is given once, where it first stood.
        """
        if k < 1:
            raise UserError(f"k={k}: ask for at least 1 sentence")
        found: dict[str, Sentence] = {}
        with told(self.path):
            for sentence in self._ranked(question):
                found.setdefault(sentence.line, sentence)
                if len(found) == k:
                    break
        return list(found.values())

    def around(self, sentence: Sentence, n: int = 1) -> list[Sentence]:
        """A sentence among the n before it and the n after it in its source, in order."""
        here = PLACED.format(score="0.0") + "source.name = ? AND start "
        with told(self.path):
            before = self._sentences(
                here + "< ? ORDER BY start DESC LIMIT ?", sentence.source, sentence.start, n
            )
            after = self._sentences(
                here + "> ? ORDER BY start LIMIT ?", sentence.source, sentence.start, n
            )
            return [*reversed(list(before)), sentence, *after]

    def text(self, source: str | None = None) -> str:
        """All text of a source, or of all sources in the order in which it came."""
        with told(self.path):
            if source is None:
                rows = self._db.execute("SELECT text FROM entry ORDER BY id")
            else:
                rows = self._db.execute(
                    "SELECT text FROM entry JOIN source ON source.id = source WHERE name = ? "
                    "ORDER BY start",
                    (source,),
                )
            return "".join(text for (text,) in rows)

    def length(self, source: str) -> int:
        """Characters of a source so far; 0 for one that was never read."""
        with told(self.path):
            found = self._db.execute(
                "SELECT end FROM entry JOIN source ON source.id = source WHERE name = ? "
                "ORDER BY start DESC LIMIT 1",
                (source,),
            ).fetchone()
        return found[0] if found else 0

    def sources(self) -> list[Source]:
        """Every source in the order in which it first came."""
        with told(self.path):
            return [
                Source(name, *self._named(number), sentences)
                for number, name, sentences in self._db.execute(
                    "SELECT id, name, (SELECT count(*) FROM sentence WHERE source = source.id) "
                    "FROM source ORDER BY id"
                ).fetchall()
            ]

    def verify(self) -> list[str]:
        """What is wrong with the archive, a sentence each; empty when it is sound.

        Recomputes the address of every piece from the text, holds the sentences against the log
        and the word index against the sentences.
        """
        faults = []
        with told(self.path), writing(self._db):  # nobody appends meanwhile
            for (said,) in self._db.execute("PRAGMA quick_check").fetchall():
                if said != "ok":
                    faults.append(f"the file is damaged ({said}): go back to a saved copy")
            if faults:
                return faults
            for number, name in self._db.execute("SELECT id, name FROM source").fetchall():
                faults += self._faults(number, name)
            try:
                self._db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as e:
                faults.append(f"the index of words does not fit the sentences ({e}): rebuild it")
        return faults

    def rebuild(self) -> None:
        """Derive all sentences and their index anew from the log, with the same ids as before."""
        with told(self.path), writing(self._db):
            self._db.execute("DROP TABLE words")
            self._db.execute("DELETE FROM sentence")
            self._db.execute(WORDS)
            for number, text in self._db.execute("SELECT source, text FROM entry ORDER BY id"):
                self._derive(number, text)

    def copy(self, path: Path | str) -> None:
        """Write all that is kept now to one new file, an archive that is whole without others.

        The file appears whole or not at all. Raises `UserError` if `path` exists.
        """
        if Path(path).exists():
            raise UserError(f"'{path}' exists: copy the archive to a new place")
        part = Path(f"{path}.part")
        part.unlink(missing_ok=True)
        try:
            with told(path), closing(sqlite3.connect(part)) as db:
                db.execute("PRAGMA synchronous = FULL")
                self._db.backup(db)
                db.execute("PRAGMA journal_mode = DELETE")  # no write-ahead log goes with it
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _ranked(self, question: str) -> Iterator[Sentence]:
        """Sentences by their worth; letters of scripts without spaces, which the index has no words
        of, are looked for in the text of all."""
        parts, asked = letters(question), query(question) or '""'
        if not parts:
            score = PLACED.format(score="-bm25(words)")
            yield from self._sentences(
                score + "words MATCH ? ORDER BY bm25(words), words.rowid", asked
            )
            return
        held = " OR ".join(["instr(words.text, ?)"] * len(parts))
        other = "words.rowid IN (SELECT rowid FROM words WHERE words MATCH ?)"
        every = PLACED.format(score="0.0") + f"{held} OR {other} ORDER BY words.rowid"
        said = list(self._sentences(every, *parts, asked))
        (many,) = self._db.execute("SELECT count(*) FROM sentence").fetchone()
        worth = worths(words(question), [Counter(words(each.text)) for each in said], many)
        both = zip(said, worth, strict=True)
        for each, value in sorted(both, key=lambda pair: -pair[1]):
            yield replace(each, score=value)

    def _sentences(self, sql: str, *values: object) -> Iterator[Sentence]:
        for number, source, start, text, score in self._db.execute(sql, values):
            yield Sentence(number, source, start, start + len(text), text, score)

    def _kept(self, number: int, end: int, text: str, at: int) -> int:
        """How many characters of a piece that begins `at` are kept already."""
        if not 0 <= at <= end:
            raise UserError(f"at={at}: the source ends at character {end}; append from there")
        rows = self._db.execute(
            "SELECT start, text FROM entry WHERE source = ? AND end > ? AND start < ? "
            "ORDER BY start",
            (number, at, at + len(text)),
        ).fetchall()
        first = rows[0][0] if rows else at
        said = "".join(piece for _, piece in rows)[at - first :][: len(text)]
        if not text.startswith(said):
            raise UserError(
                f"at={at}: another text was read there before; give this one a source of its own"
            )
        return len(said)

    def _derive(self, number: int, text: str) -> tuple[int, ...]:
        """Let the open sentence of a source grow by a piece of text, and begin what follows it."""
        last = self._db.execute(
            "SELECT id, start, text FROM sentence JOIN words ON words.rowid = id "
            "WHERE source = ? ORDER BY start DESC LIMIT 1",
            (number,),
        ).fetchone()
        ids, start = [], 0
        if last:
            known, start, tail = last
            grown, *new = split(tail + text)
            if grown != tail:
                self._db.execute("UPDATE words SET text = ? WHERE rowid = ?", (grown, known))
                ids.append(known)
            start += len(grown)
        else:
            new = split(text)
        for sentence in new:
            place = self._db.execute(
                "INSERT INTO sentence (source, start) VALUES (?, ?)", (number, start)
            )
            ids.append(place.lastrowid)
            self._db.execute(
                "INSERT INTO words (rowid, text) VALUES (?, ?)", (place.lastrowid, sentence)
            )
            start += len(sentence)
        return tuple(ids)

    def _named(self, number: int) -> tuple[str, int]:
        """The sha256 of a source's text and its characters."""
        digest, characters = sha256(), 0
        for (text,) in self._db.execute(
            "SELECT text FROM entry WHERE source = ? ORDER BY start", (number,)
        ):
            digest.update(text.encode())
            characters += len(text)
        return digest.hexdigest(), characters

    def _faults(self, number: int, name: str) -> Iterator[str]:
        end, address, log, told_again = 0, "", sha256(), sha256()
        entries = "SELECT start, end, text, address FROM entry WHERE source = ? ORDER BY start"
        for start, stop, text, claimed in self._db.execute(entries, (number,)):
            address = _address(address, text)
            if (start, stop, address) != (end, end + len(text), claimed):
                yield f"'{name}' was changed at character {end}: go back to a saved copy"
                return
            end = stop
            log.update(text.encode())
        at = 0
        rows = self._db.execute(
            "SELECT start, CAST(words.text AS TEXT) FROM sentence LEFT JOIN words "
            "ON words.rowid = id WHERE source = ? ORDER BY start",
            (number,),
        )
        for start, text in rows:
            if start != at or text is None:
                break
            at += len(text)
            told_again.update(text.encode())
        if log.digest() != told_again.digest():
            yield f"the sentences of '{name}' do not fit its text: rebuild them"


def _address(before: str, text: str) -> str:
    return sha256(before.encode() + text.encode()).hexdigest()
