"""Memory that nothing needs: what only the start did, and what was freed."""

import ctypes
import mmap
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

# Code of a file, mapped for this process alone; what is of no file has the inode 0. What begins with the file may be a
# library that is being loaded just now, whose data will lie in the same place.
_CODE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp (?!0+ )\S+ \S+ [1-9]")

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
_MOST_FREE = 16 * 1024 * 1024  # bytes at the end of a heap, which requests take from and give back to
_OWN_MAPPING = 32 * 1024 * 1024  # bytes from which a block is one; glibc takes no larger number


def keep_little_free_memory() -> None:
    """Let the C library return more of what was freed: 45 to 60 MB of the most a load takes, and no time shows.

    By default it learns from the largest block that was freed how much to keep, 64 MB in each heap in the end. The
    second number is where that ends anyway; said now, so that the first one stays as well. Only glibc has this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _MOST_FREE)
        mallopt(_MMAP_THRESHOLD, _OWN_MAPPING)


def let_go_of_code() -> None:
    """Take the code of all libraries out of this process's memory. What goes on being used comes back by itself.

    Libraries initialise and register all that they have when they are loaded, and with each page that they touch the
    kernel maps its neighbours, as many as happen to be in its page cache in one piece: 70 to 90 MB of code, of which an
    idle studio runs 3. The page cache still has it, so a page comes back without the disk, unless memory ran out since.

    Only Linux tells where the code is; elsewhere this does nothing.
    """
    with suppress(OSError), Path("/proc/self/smaps").open(errors="replace") as mappings:
        madvise = ctypes.CDLL(None).madvise
        for begin, end in unchanged_code(mappings):
            madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def unchanged_code(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where mappings of code begin and end that nobody can write, and of which each page is as in the file.

    Of others the process would lose what it has written there.
    """
    code: re.Match[str] | None = None
    for line in smaps:
        if line[0].islower() or line[0].isdigit():  # an address: a mapping begins; names of figures are capitalised
            code = _CODE.match(line)
        elif code is not None and line.split() == ["Anonymous:", "0", "kB"]:
            yield int(code[1], 16), int(code[2], 16)
