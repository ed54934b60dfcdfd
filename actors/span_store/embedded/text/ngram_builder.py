"""Makes the files by which text is ruled out, in the background, while nothing more urgent is to do."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import structlog

from actors.span_store.embedded.sealed.manifest import Manifest, Segment
from actors.span_store.embedded.text.ngram_files import NgramFiles, SealedFile, name_of

log = structlog.get_logger(__name__)

_AGAIN = 300.0  # seconds after which one that failed is tried again
_MOST_OFFERED = 8  # half a megabyte each


class NgramBuilder:
    """Has a thread of its own. It rests as long as it works, as everybody else wants the processors too."""

    def __init__(self, files: NgramFiles, catalogue: Manifest, nothing_waits: Callable[[], bool]) -> None:
        self._files = files
        self._catalogue = catalogue
        self._nothing_waits = nothing_waits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="span-grams")
        self._queued = False
        self._lock = threading.Lock()  # held while a file is made
        self._closing = threading.Event()
        self._offered: dict[int, bytes] = {}  # of segments, what their files need not be read for
        self._not_before: dict[int, float] = {}  # of segments that failed
        self._failing = False
        self.progress: tuple[int, int] | None = None  # files that are made, of how many; None when it does nothing

    def start(self) -> None:
        """Make what is missing, if that is not being done. From the event loop, and not after ``close``."""
        if not self._queued:
            self._queued = True
            self._thread.submit(self._make_missing)

    def offer(self, segment: int, grams: bytes) -> None:
        """What a new file has, made from its rows. From the thread that seals; of too many the oldest is forgotten."""
        while len(self._offered) >= _MOST_OFFERED:
            self._offered.pop(next(iter(self._offered)), None)
        self._offered[segment] = grams

    def remove_gone(self) -> None:
        """Remove the files of segments that are no more. From any thread; afterwards none of these is being read."""
        with self._lock:
            names = self._files.names()
            self._files.remove(names - {name_of(segment.number) for segment in self._catalogue.segments})

    def close(self) -> None:
        """Wait for the file that is being made."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _make_missing(self) -> None:
        self._queued = False
        self.remove_gone()
        goes_on = True
        try:
            while goes_on and self._nothing_waits() and not self._closing.is_set():
                with self._lock:
                    goes_on = self._make_next()
        finally:
            self.progress = None

    def _make_next(self) -> bool:
        """The newest that is missing and did not fail lately. Whether there may be another one to make now."""
        names, now = self._files.names(), time.monotonic()
        for segment in self._catalogue.segments:
            if name_of(segment.number) not in names and self._not_before.get(segment.number, now) <= now:
                self.progress = len(names), len(self._catalogue.segments)
                return self._make(segment)
        return False

    def _make(self, segment: Segment) -> bool:
        try:
            offered = self._offered.pop(segment.number, None)
            sealed = SealedFile(segment.number, segment.bytes, segment.checksum)
            self._files.make(sealed, self._at_leisure(self._files.sets(sealed)) if offered is None else [offered])
        except (OSError, pa.ArrowException, MemoryError) as fault:
            if segment not in self._catalogue.segments:  # replaced meanwhile
                return True
            if not self._failing:  # said once: on a full disk all fail
                log.warning("text of a segment cannot be ruled out", segment=segment.number, exc_info=fault)
            self._failing = True
            self._not_before[segment.number] = time.monotonic() + _AGAIN
            return False
        self._failing = False
        return True

    def _at_leisure(self, work: Iterator[bytes]) -> Iterator[bytes]:
        """Rests after each piece, and not after a whole file, half a second: requests would wait for so long."""
        begin = time.monotonic()
        for piece in work:
            yield piece
            self._closing.wait(time.monotonic() - begin)
            begin = time.monotonic()
