"""What was done to a folder, and the states in which a power cut may leave it.

The model is that of ALICE and CrashMonkey, in short: what a process did is a list of changes to inodes and to names,
and a sync makes changes durable. After a cut there is everything that a sync has covered, and of the rest any part.

- Content: a write arrives in sectors of 512 or of 4096 bytes, each by itself, and in any order; a sector is old or new,
  never a mixture. A file may have its new size without its content: zeros. A truncation is there or not.
- Names: a create, link, rename or unlink arrives when its folder is synced. Before that, either a part from the
  beginning of all of them has (as it is with the ordered journals of ext4 and XFS), or any of them has, each by itself.
  A rename is there or not, never half. The sync of a file says nothing of its name.

Not modelled: a disk that lies about a sync, or loses what it had; sectors with something that was never written to the
file (ext4 with ``data=writeback``); a rename from one folder into another of which one half arrives; access rights and
times, which are those of the moment.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import attrs

T = TypeVar("T")

ROOT = 0
_SECTORS = (512, 4096)  # bytes


@attrs.frozen
class Write:
    """Bytes of a file."""

    inode: int
    place: int
    data: bytes


@attrs.frozen
class Resize:
    """A truncation, or room that was allocated."""

    inode: int
    size: int


@attrs.frozen
class Name:
    """A name in a folder means this inode from now on, or nothing; a rename takes another one away in the same step."""

    folder: int
    name: str
    inode: int | None
    taken: tuple[int, str] | None = None


@attrs.frozen
class Sync:
    """What was done to the inode before the change with the number ``upto`` is durable."""

    inode: int
    upto: int


@attrs.frozen
class Mark:
    """What the program said at this moment."""

    text: str


Change = Write | Resize | Name | Sync | Mark


@attrs.define
class Tree:
    """Files and folders."""

    files: dict[int, bytearray] = attrs.field(factory=lambda: defaultdict(bytearray))
    folders: dict[int, dict[str, int]] = attrs.field(factory=lambda: {ROOT: {}})

    def apply(self, change: Write | Resize | Name) -> None:
        match change:
            case Write(inode, place, data):
                put(self.files[inode], place, data)
            case Resize(inode, size):
                resize(self.files[inode], size)
            case Name():
                self._rename(change)

    def _rename(self, change: Name) -> None:
        if change.taken is not None:
            folder, name = change.taken
            if self.folders.get(folder, {}).get(name) == change.inode:  # it may never have come to have this name
                del self.folders[folder][name]
        names = self.folders.setdefault(change.folder, {})
        if change.inode is None:
            names.pop(change.name, None)
        else:
            names[change.name] = change.inode

    def build(self, folder: Path, is_folder: set[int], inode: int = ROOT) -> None:
        """Make it on the disk."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, below in self.folders.get(inode, {}).items():
            if below in is_folder:
                self.build(folder / name, is_folder, below)
            else:
                (folder / name).write_bytes(self.files.get(below, b""))


def put(content: bytearray, place: int, data: bytes) -> None:
    if place > len(content):
        content.extend(bytes(place - len(content)))
    content[place : place + len(data)] = data


def resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


class History:
    """All changes in their order."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.is_folder = {ROOT}
        self.now = Tree()  # what the program sees
        self._inodes = ROOT

    def new_inode(self, *, is_folder: bool = False) -> int:
        self._inodes += 1
        if is_folder:
            self.is_folder.add(self._inodes)
        return self._inodes

    def add(self, change: Change) -> None:
        self.changes.append(change)
        if isinstance(change, Write | Resize | Name):
            self.now.apply(change)

    def find(self, parts: tuple[str, ...]) -> int | None:
        """The inode of a path below the folder."""
        inode: int | None = ROOT
        for part in parts:
            inode = self.now.folders.get(ROOT if inode is None else inode, {}).get(part)
            if inode is None:
                return None
        return inode

    def marks(self, upto: int) -> list[str]:
        """What was said before this change."""
        return [change.text for change in self.changes[:upto] if isinstance(change, Mark)]

    def cuts(self, count: int, chance: random.Random) -> Iterator["Cut"]:
        """So many states, in the order of their moments. Half of the moments are right before or after a sync."""
        syncs = [at + chance.randint(0, 1) for at, change in enumerate(self.changes) if isinstance(change, Sync)]
        choices = (syncs, range(len(self.changes) + 1))
        moments = sorted(chance.choice(choices[number % 2]) for number in range(count))
        disk = _Disk()
        done = 0
        for moment in moments:
            for number in range(done, moment):
                disk.do(number, self.changes[number])
            done = moment
            tree, story = disk.after_a_cut(random.Random(chance.getrandbits(64)))
            yield Cut(moment, tree, story)


@attrs.frozen
class Cut:
    """A state: at which change the power went, what is there, and what of the unsynced has arrived."""

    moment: int
    tree: Tree
    story: str


class _Disk:
    """What is durable, and what is not yet."""

    def __init__(self) -> None:
        self._durable = Tree()
        self._pending: dict[int, list[tuple[int, Write | Resize]]] = defaultdict(list)  # of files
        self._names: list[tuple[int, Name]] = []

    def do(self, number: int, change: Change) -> None:
        match change:
            case Write() | Resize():
                self._pending[change.inode].append((number, change))
            case Name():
                self._names.append((number, change))
            case Sync(inode, upto):
                self._sync(inode, upto)

    def _sync(self, inode: int, upto: int) -> None:
        for number, change in self._pending.pop(inode, []):
            if number < upto:
                self._durable.apply(change)
            else:
                self._pending[inode].append((number, change))
        for number, name in self._names:
            if number < upto and name.folder == inode:
                self._durable.apply(name)
        self._names = [(number, name) for number, name in self._names if number >= upto or name.folder != inode]

    def after_a_cut(self, chance: random.Random) -> tuple[Tree, str]:
        files = defaultdict(bytearray, self._durable.files)
        tree = Tree(files, {inode: dict(names) for inode, names in self._durable.folders.items()})
        names = [name for _, name in self._names]
        ordered = chance.random() < 0.5
        kept = names[: chance.randint(0, len(names))] if ordered else _some(names, chance)
        for name in kept:
            tree.apply(name)
        sector = chance.choice(_SECTORS)
        for inode, pending in self._pending.items():
            if pending:
                files[inode] = _torn(files[inode], [change for _, change in pending], sector, chance)
        kind = "from the beginning" if ordered else "any"
        return tree, f"{len(kept)} of {len(names)} unsynced names ({kind}), sectors of {sector}"


def _some(items: list[T], chance: random.Random) -> list[T]:
    share = chance.choice((0.1, 0.5, 0.9))
    return [item for item in items if chance.random() < share]


def _torn(durable: bytearray, pending: list[Write | Resize], sector: int, chance: random.Random) -> bytearray:
    """A file of which some changes have arrived."""
    content, whole = bytearray(durable), Tree({0: bytearray(durable)})
    pieces = [piece for change in pending for piece in _pieces(change, sector)]
    match chance.randrange(4):
        case 0:
            kept = []
        case 1:
            kept = pieces
        case 2:
            kept = pieces[: chance.randint(0, len(pieces))]
        case _:
            kept = _some(pieces, chance)
    one = Tree({0: content})
    for piece in kept:
        one.apply(attrs.evolve(piece, inode=0))
    for change in pending:
        whole.apply(attrs.evolve(change, inode=0))
    if len(whole.files[0]) > len(content) and chance.random() < 0.5:
        resize(content, len(whole.files[0]))
    return content


def _pieces(change: Write | Resize, sector: int) -> Iterator[Write | Resize]:
    if isinstance(change, Resize):
        yield change
        return
    begin, end = change.place, change.place + len(change.data)
    while begin < end:
        until = min(end, (begin // sector + 1) * sector)
        yield Write(change.inode, begin, change.data[begin - change.place : until - change.place])
        begin = until
