"""Watchers of a studio under load: its answers, its memory and the freshness of its reads.

A watcher is a thread for the length of a ``with`` block. An error in it is raised at the end of the block.
"""

import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from types import TracebackType
from typing import Self

import attrs

from scripts.load.own_studio import HOST, OwnStudio, Reply, SpanId
from scripts.load.payloads import Payload

_EVERY = 0.02  # seconds between two looks
_BEAT = 0.005  # seconds
_TIMEOUT = 30.0  # seconds for an answer, and for an acknowledged span to be found


class Rest:
    """One connection that stays open, with the studio's session; for one thread at a time and a ``closing`` block."""

    def __init__(self, studio: OwnStudio) -> None:
        self._connection = HTTPConnection(HOST, studio.http_port, timeout=_TIMEOUT)
        self._headers = {"Cookie": studio.cookie}

    def get(self, path: str) -> Reply:
        """Read an answer to its end. Anything but success is an ``AssertionError``."""
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        reply = Reply(status=response.status, headers=headers, body=response.read())
        if reply.status != 200:
            raise AssertionError(f"{path}: {reply.status} {reply.body[:300]!r}")
        return reply

    def has(self, span: SpanId) -> bool:
        return bool(self.get("/api/v1/observability/traces/{}/spans/{}".format(*span)).body != b"null")

    def close(self) -> None:
        self._connection.close()


def watch_closely() -> None:
    """Shorten the interpreter's switch interval, so that a thread notices an answer at once.

    Python lets a busy thread go on for 5 ms before another has its turn, which would be in the times that are measured.
    """
    sys.setswitchinterval(0.0002)


@contextmanager
def repeated(look: Callable[[], object], every: float = _EVERY) -> Iterator[None]:
    """Call ``look`` at an interval, in a thread, until the block ends."""
    over, faults = threading.Event(), list[Exception]()

    def run() -> None:
        try:
            while not over.wait(every):
                look()
        except Exception as fault:  # noqa: BLE001 - raised again by the main thread
            faults.append(fault)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if faults:
        raise faults[0]


@attrs.define
class OwnPauses:
    """The longest pause of this process itself, while ``look`` is repeated without pause.

    That much of each delay that it measures may be its own.
    """

    sleep: Callable[[float], None] = time.sleep
    longest: float = 0.0  # seconds

    def look(self) -> None:
        began = time.perf_counter()
        self.sleep(_BEAT)
        self.longest = max(self.longest, time.perf_counter() - began - _BEAT)


class StudioWatch:
    """Watches the studio itself for the length of a ``with`` block: times of ``GET /health``, memory, CPU."""

    def __init__(self, studio: OwnStudio, rest: Rest) -> None:
        self.health: list[float] = []  # seconds that each took
        self.memory: list[int] = []  # bytes, as often
        self.cpu = 0.0  # seconds of the whole block, at its end
        self._studio, self._rest = studio, rest
        self._looks = repeated(self._look)

    def __enter__(self) -> Self:
        self._cpu_before = self._studio.cpu_seconds()
        self._looks.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu = self._studio.cpu_seconds() - self._cpu_before
        self._looks.__exit__(kind, fault, trace)

    def _look(self) -> None:
        began = time.perf_counter()
        self._rest.get("/health")
        self.health.append(time.perf_counter() - began)
        self.memory.append(self._studio.memory())


@attrs.frozen
class FreshnessWatch:
    """Measures the time from a span's acknowledgement until a reader sees it.

    The delay ends with the answer that shows the span, so that read's own time is in it.
    """

    rest: Rest
    seconds: list[float] = attrs.field(factory=list)
    asked: list[int] = attrs.field(factory=list)  # how often, for each of the spans
    _latest: queue.Queue[tuple[Payload, float]] = attrs.field(factory=lambda: queue.Queue(1))

    def heard(self, payload: Payload) -> None:
        """Call it when the request has been acknowledged. Of many at once only one is measured."""
        with suppress(queue.Full):
            self._latest.put_nowait((payload, time.perf_counter()))

    def look(self) -> None:
        with suppress(queue.Empty):
            self._latest.get_nowait()  # acknowledged while the last one was looked at
        with suppress(queue.Empty):
            self._find(*self._latest.get(timeout=_EVERY))

    def _find(self, payload: Payload, acknowledged: float) -> None:
        span, asked = random.choice(payload.ids), 1
        while not self.rest.has(span):
            if time.perf_counter() - acknowledged > _TIMEOUT:
                raise AssertionError(f"acknowledged and not found: {span}")
            asked += 1
        self.seconds.append(time.perf_counter() - acknowledged)
        self.asked.append(asked)
