"""Traffic of a studio with many users: requests of several services, some of which send far more than others."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from scripts.load.payloads import Payload, Payloads

SPANS_A_REQUEST = 512
SERVICES = tuple(f"agent-{number:02d}" for number in range(1, 21))  # the busiest first
BUSIEST, RAREST = SERVICES[0], SERVICES[-1]
_SELDOM = 5000  # rank of a word
_SHARES = tuple(1 / rank for rank in range(1, len(SERVICES) + 1))


class Traffic:
    """Makes the requests, and records which of them were acknowledged."""

    def __init__(self, *, marked: bool = False) -> None:
        """``marked`` is that of ``Payloads``."""
        self.spans = 0  # acknowledged
        self.traces: defaultdict[str, list[bytes]] = defaultdict(list)  # the same by service, as ``Payload.packed_ids``
        self._payloads = Payloads(SPANS_A_REQUEST, marked=marked)
        self._lock = threading.Lock()

    def of_the_past(self, spans: int, seconds: float) -> Iterator[Payload]:
        """Requests whose times are spread evenly over the last ``seconds`` until now."""
        requests, now = -(-spans // SPANS_A_REQUEST), time.time_ns()
        for left in range(requests - 1, -1, -1):
            yield self._request(now - int(left / requests * seconds * 1e9))

    def of_the_present(self, over: threading.Event) -> Iterator[Payload]:
        """Requests with spans that ended just now, until the event is set."""
        while not over.is_set():
            yield self._request(None)

    def acknowledged(self, payload: Payload) -> None:
        with self._lock:
            self.traces[payload.service].extend(payload.packed_ids)
            self.spans += SPANS_A_REQUEST

    def add(self, traces: Mapping[str, Iterable[bytes]]) -> None:
        """Add the traces that another acknowledged load has sent, by service."""
        with self._lock:
            for service, packed_ids in traces.items():
                for ids in packed_ids:
                    self.traces[service].append(ids)
                    self.spans += (len(ids) - 16) // 8

    def any_trace(self) -> str:
        """The id of an acknowledged trace, of any age and service."""
        return random.choice(self.traces[random.choice(list(self.traces))])[:16].hex()

    def seldom_word(self) -> str:
        """A word that is in about every thousandth span."""
        return self._payloads.prose.words[_SELDOM]

    def _request(self, at: int | None) -> Payload:
        return self._payloads.make(random.choices(SERVICES, _SHARES)[0], at)
