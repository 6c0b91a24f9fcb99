"""Where conversations may be kept in tests: a file, and a PostgreSQL of the test's own."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SERVER = "postgres"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, if there is one that this user may run."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    here = shutil.which("initdb")
    folder = Path(here).resolve().parent if here else found[0] if found else None
    if folder is None or (os.getuid() == 0 and not _server_user()):
        return None
    return folder


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh server, gone with its data when this ends."""
    folder = programs()
    assert folder is not None
    with TemporaryDirectory(prefix="pg") as scratch:
        user = _server_user() if os.getuid() == 0 else None
        if user:
            os.chown(scratch, user.pw_uid, user.pw_gid)
        who = {"user": user.pw_uid, "group": user.pw_gid} if user else {}

        def call(*command: str) -> None:
            subprocess.run(
                [str(folder / command[0]), *command[1:]], check=True, cwd=scratch,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, **who,
            )  # fmt: skip

        data = f"{scratch}/data"
        call("initdb", "-D", data, "-A", "trust", "-U", SERVER)
        options = f"-k {scratch} -c listen_addresses='' -c shared_buffers=16MB -c fsync=off"
        call("pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{scratch}/log", "start")
        try:
            yield f"postgresql://{SERVER}@/{SERVER}?host={scratch}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "stop")


def _server_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SERVER)
    except KeyError:
        return None
