"""Settings of the whole process: allocators, the garbage collector, turns of threads, and what h2 does for its log."""

import ctypes
import gc
import importlib
import os
import sys
from typing import Any

from hyperframe.frame import DataFrame

_DECAY = 300  # milliseconds
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_MOST_FREE = 16 * 1024 * 1024  # bytes at the end of a heap, which requests take from and give back to
_OWN_MAPPING = 32 * 1024 * 1024  # bytes from which a block is one; glibc takes no larger number
_ALLOCATIONS = 10_000  # of containers, between two looks at the newest; Python's own 2,000 took a fifth of the time
_TURN_SECONDS = 0.001


def tune_process() -> None:
    """Set all that holds for the whole process, before anything else is imported: Arrow reads its pool as it loads.

    What is not here is not tuned. Two things can only come later, after the start: ``garbage.leave_the_start_alone``
    and ``garbage.GarbageWatch``.
    """
    _let_arrow_use_jemalloc()
    _keep_little_free_memory()
    _load_structlog_without_rich()
    # Decoding makes a dictionary for each span, none of which is part of a cycle; Python's default has the collector
    # look through them all again and again.
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    # How long one thread keeps the interpreter while others wait for it. Each call into Arrow gives it up and has to
    # get it back: with Python's 5 ms a read of many small steps waits for half a second in all while spans come in.
    sys.setswitchinterval(_TURN_SECONDS)
    # h2 asks each frame that it receives how it looks, for a log that is not kept. The answer of a DATA frame is made
    # from all of its content in hexadecimal, which is a quarter of what receiving a large message costs.
    DataFrame._body_repr = _brief  # type: ignore[assignment, method-assign] # noqa: SLF001 - see above


def _let_arrow_use_jemalloc() -> None:
    """Give Arrow one allocator, which keeps freed memory for a short time.

    Fresh memory is expensive to get from the kernel, a page at a time. Arrow's own choice gave it back at once when
    they were compared, which cost a fifth more for each span; they are alike since most of a span's memory is that of
    its request (docs/lab/0001-spans-in.md). jemalloc keeps it for a second by default, in which a burst gives up 80 MB;
    300 ms are as fast.

    It is said in the environment, because ``pyarrow.set_memory_pool`` comes too late for what Arrow does by itself,
    such as reading and writing Parquet: with a second allocator for that, its first few bytes take 4 MB.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    import pyarrow as pa  # noqa: PLC0415 - which reads the line above as it is loaded

    if pa.default_memory_pool().backend_name == "jemalloc":
        pa.jemalloc_set_decay_ms(_DECAY)


def _load_structlog_without_rich() -> None:
    """Load structlog as if there were no rich, which it loads for tracebacks that are not shown: 3 MB and 0.08 s.

    The commands that draw tables load it for themselves.
    """
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # importing it fails now
    try:
        importlib.import_module("structlog.dev")
    finally:
        del sys.modules["rich"]


def _keep_little_free_memory() -> None:
    """Let the C library return more of what was freed: 45 to 60 MB of the most a load takes, and no time shows.

    By default it learns from the largest block that was freed how much to keep, 64 MB in each heap in the end. The
    second number is where that ends anyway; said now, so that the first one stays as well. Only glibc has this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _MOST_FREE)
        mallopt(_MMAP_THRESHOLD, _OWN_MAPPING)


def _brief(frame: Any) -> str:  # noqa: ANN401 - a DATA frame, whose type does not say what it has
    return f"<{len(frame.data)} bytes>"
