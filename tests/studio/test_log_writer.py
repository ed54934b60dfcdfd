"""Log lines to a reader that is slow, gone, or comes back: nothing blocks, and lost lines are counted."""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from studio.log_writer import LogWriter
from tests.studio_process import ROOT

pytestmark = [pytest.mark.unit, pytest.mark.error_recovery]

PIPE = 4096  # bytes that an unread pipe holds here, where the system lets us say so
MOST = 8192


def dropped_line(lines: int) -> bytes:
    return f"dropped {lines}\n".encode()


def line(number: int) -> bytes:
    return f"line {number:4} {'x' * 90}\n".encode()


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, FileIO]]:
    reading, writing = os.pipe()
    if sys.platform == "linux":
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE)
    with FileIO(reading) as reader, FileIO(writing, "w") as writer:
        yield reader, writer


def numbers_and_losses(text: bytes) -> tuple[list[int], list[int]]:
    """The numbers of the lines that came, and how many were lost, each time."""
    came, lost = [], []
    for each in text.splitlines(keepends=True):
        if each.startswith(b"dropped "):
            lost.append(int(each.split()[1]))
        else:
            number = int(each.split()[1])
            assert each == line(number)
            came.append(number)
    return came, lost


@pytest.mark.parametrize("non_blocking", [False, True])
def test_nobody_waits_for_a_reader_and_the_lines_that_are_lost_are_counted(
    pipe: tuple[FileIO, FileIO], non_blocking: bool
) -> None:
    reader, file = pipe
    os.set_blocking(file.fileno(), not non_blocking)
    writer = LogWriter(file, dropped_line, MOST)
    for number in range(5000):  # 500 KB
        writer.put(line(number))
    text = b""
    while b"dropped" not in text:
        text += reader.read(65536)
    writer.put(line(5000))
    while not text.endswith(line(5000)):
        text += reader.read(65536)
    came, lost = numbers_and_losses(text)
    assert came == sorted(came)
    assert len(came) + sum(lost) == 5001
    assert len(text) <= MOST + 2 * 65536 + 1000
    writer.close(60)


def test_lines_are_put_together_and_count_as_what_they_are(pipe: tuple[FileIO, FileIO]) -> None:
    reader, file = pipe
    writer = LogWriter(file, dropped_line, MOST)
    writer.put(b"".join(map(line, range(100))))  # more than may wait
    writer.put(line(100))
    text = reader.read(65536)
    while not text.endswith(line(100)):
        text += reader.read(65536)
    assert numbers_and_losses(text) == ([100], [100])


def test_the_end_waits_for_a_bounded_time(pipe: tuple[FileIO, FileIO]) -> None:
    reader, file = pipe
    writer = LogWriter(file, dropped_line)
    for number in range(2000):
        writer.put(line(number))
    writer.close(0.01)  # the reader reads nothing meanwhile
    text = b""
    while not text.endswith(line(1999)):
        text += reader.read(65536)
    writer.close(60)


def test_all_that_waits_is_written_at_the_end(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb", buffering=0) as file:
        writer = LogWriter(file, dropped_line)
        for number in range(2000):
            writer.put(line(number))
        writer.close(60)
    assert (tmp_path / "log").read_bytes() == b"".join(map(line, range(2000)))


class Watched(FileIO):
    """A file that tells when it has not taken something."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w")
        self.failed = threading.Event()

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError:
            self.failed.set()
            raise


def test_a_reader_that_comes_back_hears_what_it_missed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reading = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    with Watched(tmp_path / "log") as file:
        os.close(reading)
        writer = LogWriter(file, dropped_line)
        writer.put(line(0))
        assert file.failed.wait()
        with FileIO(os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)) as reader:
            os.set_blocking(reader.fileno(), True)
            writer.put(line(1))
            text = reader.read(65536)
            while not text.endswith(line(1)):
                text += reader.read(65536)
            if b"dropped" not in text:  # the second line was quicker than the count of the first
                writer.put(line(2))
                text += reader.read(65536)
            writer.close(60)
    came, lost = numbers_and_losses(text)
    assert came in ([1], [1, 2])
    assert lost == [1]


TORN = """
import io, resource, sys, threading
from studio.log_writer import LogWriter

class Growing(io.FileIO):
    def write(self, content):
        try:
            return super().write(content)
        except OSError:  # from now on the disk has room again
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            failed.set()
            raise

failed = threading.Event()
resource.setrlimit(resource.RLIMIT_FSIZE, (150, resource.RLIM_INFINITY))
writer = LogWriter(Growing(sys.argv[1], "w"), lambda lines: b"dropped\\n")
writer.put(b"a" * 99 + b"\\n" + b"b" * 99 + b"\\n")
failed.wait()
writer.put(b"c" * 99 + b"\\n")
writer.close(60)
"""


def test_half_a_line_does_not_run_into_the_next(tmp_path: Path) -> None:
    """A full disk takes the beginning of a line."""
    subprocess.run(
        [sys.executable, "-c", TORN, str(tmp_path / "log")], env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60
    )
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[:2] == ["a" * 99, "b" * 50]
    assert "c" * 99 in lines[2:]
