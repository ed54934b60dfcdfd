"""A record of several threads is read as the system has done what is in it."""

from pathlib import Path

import pytest

from scripts.load.disk_history import History, Sync, Write
from scripts.load.strace_record import Reader

pytestmark = pytest.mark.unit


def quoted(text: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def test_a_number_that_is_given_again_before_its_close_returns_is_the_new_file(tmp_path: Path) -> None:
    lines = [
        f"7 openat(AT_FDCWD, {quoted('/data/old')}, O_WRONLY|O_CREAT, 0666) = 5",
        "7 close(5 <unfinished ...>",
        f"8 openat(AT_FDCWD, {quoted('/data/new')}, O_WRONLY|O_CREAT, 0666) = 5",
        "7 <... close resumed>) = 0",
        f"8 pwrite64(5, {quoted('it')}, 2, 0) = 2",
        "8 fdatasync(5) = 0",
    ]
    (tmp_path / "record").write_text("\n".join(lines) + "\n")
    history = History()
    Reader(history, Path("/data"), Path("/marks")).read(tmp_path / "record")
    new = history.find(("new",))
    assert new is not None
    assert history.changes[-2:] == [Write(new, 0, b"it"), Sync(new, 3)]
