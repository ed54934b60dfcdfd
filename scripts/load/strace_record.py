"""A program under ``strace``, and what it did to a folder, read from the record."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from scripts.load.disk_history import ROOT, History, Mark, Name, Resize, Sync, Write

_CALLS = (
    "open,openat,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,"
    "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,mkdir,mkdirat,rmdir"
)
_MOST_OF_A_WRITE = 32 * 1024 * 1024
_LINE = re.compile(rb"(?P<thread>\d+) +(?P<rest>.*)", re.DOTALL)
_CALL = re.compile(rb"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)", re.DOTALL)
_RESUMED = re.compile(rb"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = b" <unfinished ...>"
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
_CLOSE = b"close("
_APPENDS, _EMPTIES, _CREATES = b"O_APPEND", b"O_TRUNC", b"O_CREAT"


def missing() -> str | None:
    """Why nothing can be recorded here, if so."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed (Debian: apt-get install strace)"
    trial = subprocess.run([strace, "-f", "--seccomp-bpf", "true"], check=False, capture_output=True, text=True)
    return f"strace does not work here: {trial.stderr.strip()[-200:]}" if trial.returncode else None


def run(program: Sequence[str], record: Path) -> int:
    """Run a module of the project under strace; its exit code."""
    options = ["-f", "--seccomp-bpf", "-xx", "-s", str(_MOST_OF_A_WRITE), "-e", f"trace={_CALLS}", "-e", "signal=none"]
    command = ["strace", "-q", *options, "-o", str(record), sys.executable, "-m", *program]
    return subprocess.run(command, check=False).returncode


@attrs.define
class OpenFile:
    """What a descriptor stands for."""

    inode: int
    position: int = 0
    appends: bool = False
    marks: bool = False


@attrs.define
class Begun:
    """A call that has not returned, and how many changes there were when it was made."""

    text: bytes
    changes: int


class Reader:
    """Adds to a history what one run of a program did."""

    def __init__(self, history: History, folder: Path, marks: Path) -> None:
        self._history = history
        self._folder = folder
        self._marks = marks
        self._files: dict[int, OpenFile] = {}
        self._begun: dict[bytes, Begun] = {}

    def read(self, record: Path) -> None:
        for line in record.read_bytes().split(b"\n"):
            found = _LINE.fullmatch(line)
            if found:
                self._line(found["thread"], found["rest"])

    def _line(self, thread: bytes, text: bytes) -> None:
        begun = len(self._history.changes)
        if text.endswith(_UNFINISHED):
            text = text.removesuffix(_UNFINISHED)
            self._begun[thread] = Begun(text, begun)
            if text.startswith(_CLOSE):  # another thread may be given the number before this returns
                self._files.pop(number_in(text.removeprefix(_CLOSE), 0), None)
            return
        resumed = _RESUMED.fullmatch(text)
        if resumed:
            before = self._begun.pop(thread)
            if before.text.startswith(_CLOSE):
                return
            text, begun = before.text + resumed["rest"], before.changes
        call = _CALL.match(text)
        if call and int(call["result"]) >= 0:
            does: Callable[[bytes, int, int], None] | None = getattr(self, f"_{call['name'].decode()}", None)
            if does is not None:
                does(call["arguments"], int(call["result"]), begun)

    # Each of these is a call of the system: its arguments, its result, and the number of changes when it was made.

    def _openat(self, arguments: bytes, result: int, _: int) -> None:
        path, flags = paths_in(arguments)[0], arguments
        if path == self._marks:
            self._files[result] = OpenFile(ROOT, marks=True)
            return
        parts = self._parts(path)
        self._files.pop(result, None)
        if parts is None:
            return
        inode = self._history.find(parts)
        if inode is None:
            if _CREATES not in flags:
                return
            inode = self._history.new_inode()
            self._name(parts, inode)
            self._history.now.files[inode] = bytearray()
        elif _EMPTIES in flags and self._history.now.files[inode]:
            self._history.add(Resize(inode, 0))
        self._files[result] = OpenFile(inode, appends=_APPENDS in flags)

    _open = _openat

    def _close(self, arguments: bytes, _result: int, _: int) -> None:
        self._files.pop(int(arguments), None)

    def _dup(self, arguments: bytes, result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None:
            self._files[result] = file

    _dup2 = _dup3 = _dup

    def _fcntl(self, arguments: bytes, result: int, begun: int) -> None:
        if b"F_DUPFD" in arguments:
            self._dup(arguments, result, begun)

    def _lseek(self, arguments: bytes, result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None:
            file.position = result

    def _write(self, arguments: bytes, result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is None:
            return
        data = b"".join(texts_in(arguments))[:result]
        if file.marks:
            self._history.add(Mark(data.decode().strip()))
            return
        place = len(self._history.now.files[file.inode]) if file.appends else file.position
        file.position = place + result
        self._history.add(Write(file.inode, place, data))

    _writev = _write

    def _pwrite64(self, arguments: bytes, result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None:
            data = b"".join(texts_in(arguments))[:result]
            self._history.add(Write(file.inode, number_in(arguments, -1), data))

    _pwritev = _pwrite64

    def _ftruncate(self, arguments: bytes, _result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None:
            self._history.add(Resize(file.inode, number_in(arguments, -1)))

    def _truncate(self, arguments: bytes, _result: int, _: int) -> None:
        inode = self._inode(paths_in(arguments)[0])
        if inode is not None:
            self._history.add(Resize(inode, number_in(arguments, -1)))

    def _fallocate(self, arguments: bytes, _result: int, _: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None:
            size = number_in(arguments, -1) + number_in(arguments, -2)
            if size > len(self._history.now.files[file.inode]):
                self._history.add(Resize(file.inode, size))

    def _fsync(self, arguments: bytes, _result: int, begun: int) -> None:
        file = self._files.get(number_in(arguments, 0))
        if file is not None and not file.marks:
            self._history.add(Sync(file.inode, begun))

    _fdatasync = _fsync

    def _rename(self, arguments: bytes, _result: int, _: int) -> None:
        old, new = (self._parts(path) for path in paths_in(arguments))
        if old is None or new is None:
            return
        inode, folder = self._history.find(old), self._history.find(old[:-1])
        if inode is None or folder is None:
            raise ValueError(f"renamed, but never made: {old}")
        self._name(new, inode, (folder, old[-1]))

    _renameat = _renameat2 = _rename

    def _unlink(self, arguments: bytes, _result: int, _: int) -> None:
        parts = self._parts(paths_in(arguments)[0])
        if parts is not None:
            self._name(parts, None)

    _unlinkat = _rmdir = _unlink

    def _link(self, arguments: bytes, _result: int, _: int) -> None:
        old, new = (self._parts(path) for path in paths_in(arguments))
        if old is not None and new is not None:
            self._name(new, self._history.find(old))

    _linkat = _link

    def _mkdir(self, arguments: bytes, _result: int, _: int) -> None:
        parts = self._parts(paths_in(arguments)[0])
        if parts:
            self._name(parts, self._history.new_inode(is_folder=True))

    _mkdirat = _mkdir

    def _name(self, parts: tuple[str, ...], inode: int | None, taken: tuple[int, str] | None = None) -> None:
        folder = self._history.find(parts[:-1])
        if folder is None:
            raise ValueError(f"in a folder that was never made: {parts}")
        self._history.add(Name(folder, parts[-1], inode, taken))

    def _parts(self, path: Path) -> tuple[str, ...] | None:
        return path.relative_to(self._folder).parts if path.is_relative_to(self._folder) else None

    def _inode(self, path: Path) -> int | None:
        parts = self._parts(path)
        return None if parts is None else self._history.find(parts)


def texts_in(arguments: bytes) -> Iterator[bytes]:
    for text in _TEXT.findall(arguments):
        yield bytes.fromhex(text.replace(b"\\x", b"").decode())


def paths_in(arguments: bytes) -> list[Path]:
    return [Path(text.decode()) for text in texts_in(arguments)]


def number_in(arguments: bytes, position: int) -> int:
    """The first argument, or one from the end; nothing else is asked for."""
    if position == 0:
        return int(arguments.partition(b",")[0])
    return int(arguments.rsplit(b",", -position)[position].strip(), 0)
