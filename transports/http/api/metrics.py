"""Route of the Prometheus metrics of the bus."""

from collections.abc import Callable, Iterator
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from actors.runtime.bus import Bus
from actors.runtime.statistics import LaneLoad, MessageStatistics
from transports.http.framework.route import Access, Call, Route

_COUNTERS: Final[tuple[tuple[str, str, Callable[[MessageStatistics], float]], ...]] = (
    ("asked", "Messages accepted into a mailbox", lambda s: s.asked),
    ("refused", "Messages turned away: mailbox full or actor away", lambda s: s.refused),
    ("late", "Messages whose asker's deadline passed first", lambda s: s.late),
    ("abandoned", "Messages whose asker left before the answer", lambda s: s.abandoned),
    ("failed", "Messages that met an unexpected error", lambda s: s.failed),
    ("handled", "Messages that were handled", lambda s: s.handled),
    ("mailbox_seconds", "Time that messages spent in a mailbox", lambda s: s.seconds_in_mailbox),
    ("handler_seconds", "Time that messages spent in their handler", lambda s: s.seconds_in_handler),
)


_GAUGES: Final[tuple[tuple[str, str, Callable[[LaneLoad], int]], ...]] = (
    ("waiting", "Messages that wait in a lane of an actor now", lambda load: load.waiting),
    ("at_work", "Messages of a lane of an actor that are in work now", lambda load: load.at_work),
)


class BusCollector(Collector):
    """Prometheus collector that reads the bus's counters, and how full its lanes are, on each scrape."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def collect(self) -> Iterator[Metric]:
        yield from self._messages()
        yield from self._lanes()

    def _messages(self) -> Iterator[Metric]:
        messages = self._bus.statistics.snapshot()
        for name, text, read in _COUNTERS:
            family = CounterMetricFamily(f"studio_messages_{name}", text, labels=["message"])
            for message, statistics in sorted(messages.items()):
                family.add_metric([message], read(statistics))
            yield family

    def _lanes(self) -> Iterator[Metric]:
        loads = self._bus.loads()
        for name, text, read in _GAUGES:
            family = GaugeMetricFamily(f"studio_lane_{name}", text, labels=["actor", "lane"])
            for (actor, lane), load in sorted(loads.items()):
                family.add_metric([actor, lane], read(load))
            yield family


async def metrics(call: Call[None, None]) -> web.Response:
    registry = CollectorRegistry()
    registry.register(BusCollector(call.bus))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = (
    Route(
        method="GET",
        path="/metrics",
        handler=metrics,
        access=Access.SESSION_OR_READ_KEY,
        answers=str,
        content_type="text/plain",
        tag="service",
        summary="Counters of the message bus and how full its lanes are, for Prometheus",
    ),
)
