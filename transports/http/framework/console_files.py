"""The files of the console, as they are served: read when they are first asked for, and again when they were edited."""

import gzip
import posixpath
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
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
_MAIN: Final = "main.js"
# What a browser runs before it shows a page, beside what these and the page's own module import.
_FIRST: Final = (_MAIN, "shell.js")
_LIST: Final = "traces"  # the page that most come for
# A line of the table in main.js that says which page is shown where.
_PAGE: Final = re.compile(r'^ *\["([^"]*)", "(\w+)"\],$', re.MULTILINE)
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
    pages: Mapping[tuple[str, ...], ConsoleFile]  # by the parts of their addresses, of which some are `:name`
    index: ConsoleFile  # of every other address
    files: Mapping[str, ConsoleFile]

    def page(self, path: str) -> ConsoleFile:
        """The index as it is served at an address below ``/console/``: with a line for each module that it needs."""
        parts = path.strip("/").split("/")
        for names, index in self.pages.items():
            if len(names) == len(parts) and all(map(_stands_for, names, parts)):
                return index
        return self.index


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
    text, addresses = bodies.pop(_INDEX).decode().replace("/HASH/", f"/{hashed.hexdigest()}/"), _pages(bodies)
    shown = {
        name: _index(text, hashed.hexdigest(), first_modules(bodies, name))
        for name in {_LIST, *_pages(bodies).values()}
    }
    return Console(
        hash=hashed.hexdigest(),
        pages={tuple(address.split("/")): shown[page] for address, page in addresses.items()},
        index=shown[_LIST],
        files={name: _file(name, body) for name, body in bodies.items()},
    )


def _file(name: str, body: bytes) -> ConsoleFile:
    kind = PurePosixPath(name).suffix
    sent = as_sent(body.decode()).encode() if kind == _SCRIPTS else body
    return ConsoleFile(_TYPES[kind], sent)


def _stands_for(name: str, part: str) -> bool:
    return name == part or (name.startswith(":") and part != "")


def _pages(bodies: Mapping[str, bytes]) -> dict[str, str]:
    """Which module shows which addresses."""
    return dict(_PAGE.findall(bodies.get(_MAIN, b"").decode()))


def _index(text: str, hashed: str, modules: Iterable[str]) -> ConsoleFile:
    """The page with a line for each of these modules, but the first, which is there.

    Without those lines a browser learns of a module only when it has read those that import it.
    """
    names = list(modules)[1:]
    lines = "".join(f'<link rel="modulepreload" href="/console/-/{hashed}/{name}">\n' for name in names)
    shown = _SCRIPT.sub(lambda script: _indented(lines, script[1]) + script[0], text)
    return ConsoleFile("text/html; charset=utf-8", shown.encode())


def _indented(lines: str, by: str) -> str:
    return "".join(by + line for line in lines.splitlines(keepends=True))


def first_modules(bodies: Mapping[str, bytes], page: str = _LIST) -> list[str]:
    """Names of the modules before a page is there, each behind one that imports it."""
    found = dict.fromkeys(name for name in (*_FIRST, f"pages/{page}.js") if name in bodies)
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
