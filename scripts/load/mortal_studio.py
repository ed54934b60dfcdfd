"""A studio that ends itself with SIGKILL at a chosen point of its work. The studio itself has no such points.

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
from pathlib import Path
from typing import Any

import attrs

from actors.span_store.embedded.hot import wal
from actors.span_store.embedded.lifetime import Limits
from actors.span_store.embedded.maintenance import compaction, deletion_job
from actors.span_store.embedded.sealed import index, segment_file
from actors.span_store.embedded.store import SpanStore
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
class Point:
    """A function of the store, by the place that it is called from."""

    owner: Any
    name: str
    when: When
    deletes: bool = False  # reached only while something is being deleted
    in_load: bool = True  # reached within seconds of load; the others have tests of their own
    drops: bool = False  # reached only where few megabytes are kept, as they are for it
    joins: bool = False  # reached by joining small files, which otherwise are left alone: it takes the same ways


POINTS = {
    "journal-written": Point(wal, "sync", When.BEFORE),
    "journal-synced": Point(wal, "sync", When.AFTER),
    "segment-unfinished": Point(segment_file, "sync", When.BEFORE),
    "segment-synced": Point(index, "write_segment", When.AFTER),
    "index-written": Point(index, "add", When.AFTER),
    "index-committing": Point(index, "add", When.DURING),
    "index-committed": Point(index, "seal", When.AFTER),
    "checkpoint": Point(index, "seal", When.DURING),
    "journal-deleted": Point(wal.Wal, "delete", When.AFTER),
    "join-written": Point(index, "remove", When.AFTER, in_load=False, joins=True),
    "join-committed": Point(compaction.Compaction, "_unlink", When.BEFORE, in_load=False, joins=True),
    "drop-written": Point(index, "remove", When.AFTER, in_load=False, drops=True),
    "drop-committed": Point(compaction.Compaction, "_unlink", When.BEFORE, in_load=False, drops=True),
    "deletion-recorded": Point(deletion_job, "record", When.AFTER, deletes=True),
    "deletion-written": Point(index, "remove", When.AFTER, deletes=True),
    "deletion-committed": Point(compaction.Compaction, "_unlink", When.BEFORE, deletes=True),
    "deletion-checkpoint": Point(index, "give_space_back", When.DURING, deletes=True),
}


replace: Callable[..., None] = setattr  # of what is not made to be replaced


def main() -> None:
    name, count, mark = sys.argv[1:]
    point = POINTS[name]
    make_hasty(most_kept=_MOST_KEPT if point.drops else None)
    if (point.deletes or point.drops) and not point.joins:
        replace(compaction.Compaction, "compact", _join_none)
    make_mortal(point, int(count), Path(mark))
    sys.argv[1:] = []
    program()


def make_hasty(*, most_kept: int | None) -> None:
    """Let the store seal, checkpoint and tidy often, and keep no more bytes than that."""
    open_store = SpanStore.open.__func__  # type: ignore[attr-defined] # a class method has it
    index._CHECKPOINT_AT = _CHECKPOINT_AT  # noqa: SLF001 - a setting of nobody else

    def open_hastily(cls: type[SpanStore], /, path: Path, *, limits: Limits, **others: Any) -> Any:  # noqa: ANN401
        retention = attrs.evolve(limits.retention, every=timedelta(seconds=1), size=most_kept)
        hasty = attrs.evolve(limits, flush_at=_SEAL_AT, deferred=_SEAL_AT, retention=retention)
        return open_store(cls, path, limits=hasty, **others)

    SpanStore.open = classmethod(open_hastily)  # type: ignore[assignment] # the same signature


def _join_none(_: compaction.Compaction) -> int:
    return 0


def make_mortal(point: Point, count: int, mark: Path) -> None:
    """Put the end of the process into the function."""
    called = getattr(point.owner, point.name)
    left = [count]

    def mortal(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the function
        left[0] -= 1
        if left[0]:
            return called(*arguments, **named)
        if point.when is When.BEFORE:
            die(mark)
        if point.when is When.DURING:
            threading.Timer(random.random() * _BESIDE_SECONDS, die, [mark]).start()
        result = called(*arguments, **named)
        if point.when is When.AFTER:
            die(mark)
        return result

    replace(point.owner, point.name, mortal)


def die(mark: Path) -> None:
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()  # the signal takes its moment


if __name__ == "__main__":
    main()
