"""The files of the console, as they are served: read when they are first asked for, and again when they were edited."""

import gzip
import posixpath
import re
from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Final

import attrs

from transports.http.framework.script_text import as_sent

FOLDER: Final = Path(__file__).parents[1] / "console"
# Files of other kinds are for those who write the console.
_SCRIPTS: Final = ".js"
_TYPES: Final = {
    _SCRIPTS: "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_INDEX: Final = "index.html"
# What a browser runs before it shows its first page, beside what these import.
_FIRST: Final = ("main.js", "shell.js", "pages/traces.js")
_IMPORT: Final = re.compile(r'^(?:import|export)\s(?:[^"\';]*\sfrom\s+)?"(\.[^"]+)"', re.MULTILINE)
_SCRIPT: Final = re.compile(r'( *)<script type="module"')
_HASH_BYTES: Final = 8

Stamp = tuple[tuple[str, int, int], ...]  # name, time of the last change, and size of each file


@attrs.define(eq=False)
class ConsoleFile:
    """One file. It is compressed when somebody first wants that, and once."""

    content_type: str
    body: bytes
    _compressed: bytes | None = None

    def compressed(self) -> bytes:
        if self._compressed is None:
            self._compressed = gzip.compress(self.body, mtime=0)
        return self._compressed


@attrs.frozen(eq=False)
class Console:
    """The console as it stood in its folder at one time, under one hash over all of it."""

    hash: str
    index: ConsoleFile
    files: Mapping[str, ConsoleFile]


class ConsoleFiles:
    """The console in a folder. Costs nothing until it is asked for; holds what the folder does, twice at most."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = Lock()
        self._read: tuple[Stamp, Console] | None = None

    def latest(self) -> Console:
        """The console as it stands in the folder now. Reads files: call it in a thread."""
        with self._lock:
            stamp = _stamp_of(self._folder)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, _read(self._folder, stamp)
            return self._read[1]

    def served(self) -> Console | None:
        """The console that pages were last made for, if any were."""
        return self._read[1] if self._read else None


def _stamp_of(folder: Path) -> Stamp:
    found = (path for path in folder.rglob("*") if path.suffix in _TYPES or path == folder / _INDEX)
    stats = ((path.relative_to(folder).as_posix(), path.stat()) for path in found)
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats))


def _read(folder: Path, stamp: Stamp) -> Console:
    bodies = {name: (folder / name).read_bytes() for name, _, _ in stamp}
    hashed = blake2b(digest_size=_HASH_BYTES)
    for name, body in bodies.items():
        hashed.update(b"%s\0%d\0%s" % (name.encode(), len(body), body))
    index = _index(bodies.pop(_INDEX).decode(), hashed.hexdigest(), bodies)
    return Console(
        hash=hashed.hexdigest(),
        index=ConsoleFile("text/html; charset=utf-8", index.encode()),
        files={name: _file(name, body) for name, body in bodies.items()},
    )


def _file(name: str, body: bytes) -> ConsoleFile:
    kind = PurePosixPath(name).suffix
    sent = as_sent(body.decode()).encode() if kind == _SCRIPTS else body
    return ConsoleFile(_TYPES[kind], sent)


def _index(text: str, hashed: str, bodies: Mapping[str, bytes]) -> str:
    """The page with the hash in its addresses, and a line for each module that the first page waits for.

    Without those lines a browser learns of a module only when it has read those that import it.
    """
    names = [name for name in first_modules(bodies) if name != _FIRST[0]]
    lines = "".join(f'<link rel="modulepreload" href="/console/-/HASH/{name}">\n' for name in names)
    return _SCRIPT.sub(lambda script: _indented(lines, script[1]) + script[0], text).replace("/HASH/", f"/{hashed}/")


def _indented(lines: str, by: str) -> str:
    return "".join(by + line for line in lines.splitlines(keepends=True))


def first_modules(bodies: Mapping[str, bytes]) -> list[str]:
    """Names of the modules before the first page, each behind one that imports it."""
    found = dict.fromkeys(name for name in _FIRST if name in bodies)
    waiting = deque(found)
    while waiting:
        for name in imports_of(waiting.popleft(), bodies):
            if name in bodies and name not in found:
                found[name] = None
                waiting.append(name)
    return list(found)


def imports_of(name: str, bodies: Mapping[str, bytes]) -> Iterator[str]:
    """Names of what a module imports statically. What it loads with ``import()`` is none of that."""
    for imported in _IMPORT.findall(bodies[name].decode()):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
