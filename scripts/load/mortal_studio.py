"""A studio that ends itself with SIGKILL at a chosen point of its work. The studio itself has no such points.

What the store does to its own files it does through the disk that it is handed, and dies there. What it does to the
index are statements of DuckDB, which writes its files itself: there the end stands around a function of the store.

It seals and checkpoints far more often than others, so that each point is reached soon.

``python -m scripts.load.mortal_studio POINT COUNT MARK`` dies when it comes to the point for the COUNT-th time, and
writes the file MARK right before. Some points are the same place in a function that several kinds of work go through;
which one it is depends on what the studio is told to do.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from actors.span_store.embedded.durable import Disk
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance import compaction, deletion_job
from actors.span_store.embedded.sealed import index
from actors.span_store.embedded.sealed.index import opening, tables
from actors.span_store.embedded.store import SpanStore
from scripts.load.faulty_disk import Fault, FaultyDisk, Operation
from studio.cli import program

_SEAL_AT = 1024 * 1024  # bytes
_CHECKPOINT_AT = "512KB"
_BESIDE_SECONDS = 0.02
_MOST_KEPT = 4 * 1024 * 1024  # bytes, where it is retention that is to be killed


class When(Enum):
    """When to die, seen from a call."""

    BEFORE = "before"
    AFTER = "after"
    DURING = "during"  # at a random moment


@attrs.frozen
class Function:
    """By the place that it is called from."""

    owner: Any
    name: str


@attrs.frozen
class AtDisk:
    """An operation of the disk on files that match the pattern."""

    operation: Operation
    pattern: str


@attrs.frozen
class Point:
    """Where to die."""

    where: "Function | AtDisk"
    when: When
    deletes: bool = False  # reached only while something is being deleted
    in_load: bool = True  # reached within seconds of load; the others have tests of their own
    drops: bool = False  # reached only where few megabytes are kept, as they are for it
    joins: bool = False  # reached by joining small files, which otherwise are left alone: it takes the same ways


POINTS = {
    "journal-written": Point(AtDisk(Operation.SYNC, "*.journal"), When.BEFORE),
    "journal-synced": Point(AtDisk(Operation.SYNC, "*.journal"), When.AFTER),
    "segment-unfinished": Point(AtDisk(Operation.SYNC, "*.segments/*.unfinished"), When.BEFORE),
    "segment-synced": Point(AtDisk(Operation.SYNC_FOLDER, "*.segments"), When.AFTER),
    "index-written": Point(Function(tables, "add"), When.AFTER),
    "index-committing": Point(Function(tables, "add"), When.DURING),
    "index-committed": Point(Function(index, "seal"), When.AFTER),
    "checkpoint": Point(Function(index, "seal"), When.DURING),
    "journal-deleted": Point(AtDisk(Operation.UNLINK, "*.journal"), When.AFTER),
    "join-written": Point(Function(index, "remove"), When.AFTER, in_load=False, joins=True),
    "join-committed": Point(AtDisk(Operation.UNLINK, "*.parquet"), When.BEFORE, in_load=False, joins=True),
    "drop-written": Point(Function(index, "remove"), When.AFTER, in_load=False, drops=True),
    "drop-committed": Point(AtDisk(Operation.UNLINK, "*.parquet"), When.BEFORE, in_load=False, drops=True),
    "deletion-recorded": Point(Function(deletion_job, "record"), When.AFTER, deletes=True),
    "deletion-written": Point(Function(index, "remove"), When.AFTER, deletes=True),
    "deletion-committed": Point(AtDisk(Operation.UNLINK, "*.parquet"), When.BEFORE, deletes=True),
    "deletion-checkpoint": Point(Function(index, "give_space_back"), When.DURING, deletes=True),
}


replace: Callable[..., None] = setattr  # of what is not made to be replaced


def main() -> None:
    name, count, mark = sys.argv[1:]
    point = POINTS[name]
    disk = FaultyDisk()
    make_hasty(disk, most_kept=_MOST_KEPT if point.drops else None)
    if (point.deletes or point.drops) and not point.joins:
        replace(compaction.Compaction, "compact", _join_none)
    make_mortal(point, int(count), Path(mark), disk)
    sys.argv[1:] = []
    program()


def make_hasty(disk: Disk, *, most_kept: int | None) -> None:
    """Let the store seal, checkpoint and tidy often, on this disk, and keep no more bytes than that."""
    open_store = SpanStore.open.__func__  # type: ignore[attr-defined] # a class method has it
    opening._CONFIG["checkpoint_threshold"] = _CHECKPOINT_AT  # noqa: SLF001 - a setting of nobody else

    def open_hastily(cls: type[SpanStore], /, path: Path, *, limits: Limits, **others: Any) -> Any:  # noqa: ANN401
        retention = attrs.evolve(limits.retention.now, every=timedelta(seconds=1), size=most_kept)
        hasty = attrs.evolve(limits, flush_at=_SEAL_AT, deferred=_SEAL_AT, retention=retention)
        return open_store(cls, path, limits=hasty, **others | {"disk": disk})

    SpanStore.open = classmethod(open_hastily)  # type: ignore[assignment] # the same signature


def _join_none(_: compaction.Compaction) -> int:
    return 0


def make_mortal(point: Point, count: int, mark: Path, disk: FaultyDisk) -> None:
    """Put the end of the process into the disk, or into the function."""
    end = Countdown(count, partial(die, mark))
    if isinstance(point.where, Function):
        called = getattr(point.where.owner, point.where.name)

        def mortal(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the function
            end.before(point.when)
            result = called(*arguments, **named)
            end.after(point.when)
            return result

        replace(point.where.owner, point.where.name, mortal)
        return
    before, after = partial(end.before, point.when), partial(end.after, point.when)
    disk.faults.append(Fault(point.where.operation, point.where.pattern, before=before, after=after))


@attrs.define
class Countdown:
    """Calls ``end`` when it is begun for the last time of so many, then or after that."""

    left: int
    end: Callable[[], None]

    def before(self, when: When) -> None:
        self.left -= 1
        if self.left == 0 and when is When.BEFORE:
            self.end()
        if self.left == 0 and when is When.DURING:
            threading.Timer(random.random() * _BESIDE_SECONDS, self.end).start()

    def after(self, when: When) -> None:
        if self.left == 0 and when is When.AFTER:
            self.end()


def die(mark: Path) -> None:
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()  # the signal takes its moment


if __name__ == "__main__":
    main()
