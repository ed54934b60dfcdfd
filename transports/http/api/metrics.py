"""Route of the Prometheus metrics: of the bus, the event loop, live followers and alerts."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from actors.alerts.messages import AlertCounts, CountAlerts
from actors.errors import StudioError
from actors.live.messages import GetLiveLoad, LiveLoad
from actors.runtime.bus import Bus
from actors.runtime.statistics import LaneLoad, MessageStatistics
from transports.http.framework.app_keys import LAG
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
_OF_ALERTS: Final[tuple[tuple[str, str, Callable[[AlertCounts], int]], ...]] = (
    ("checks_failed", "Questions of alerts that could not be answered", lambda counts: counts.checks_failed),
    ("messages_sent", "Messages that webhooks have taken", lambda counts: counts.sent),
    ("messages_not_sent", "Attempts to send a message to a webhook that failed", lambda counts: counts.not_sent),
)
_ALERTS_SECONDS = 2.0  # after which the metrics go without those of alerts


class BusCollector(Collector):
    """Prometheus collector that reads the bus's counters, and how full its lanes are, on each scrape."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def collect(self) -> Iterator[Metric]:
        yield from self._messages()
        yield from self._lanes()
        yield self._streams()

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
        refused = CounterMetricFamily(
            "studio_lane_refused", "Messages that a lane of an actor had no room for", labels=["actor", "lane"]
        )
        for (actor, lane), load in sorted(loads.items()):
            refused.add_metric([actor, lane], load.refused)
        yield refused

    def _streams(self) -> Metric:
        family = GaugeMetricFamily(
            "studio_streams", "Streams of an actor that are open now", labels=["actor", "message"]
        )
        for (actor, message), count in sorted(self._bus.streams().items()):
            family.add_metric([actor, message], count)
        return family


class Families(Collector):
    """Prometheus collector of what was asked for before the scrape."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def alert_metrics(bus: Bus) -> Sequence[Metric]:
    """The metrics of the alerts; none while their actor is away."""
    with suppress(StudioError):
        counts = await bus.ask(CountAlerts(), timeout=_ALERTS_SECONDS)
        return [*_metrics_of(counts)]
    return ()


async def live_metrics(bus: Bus) -> Sequence[Metric]:
    """The metrics of those who follow spans live; none while their actor is away."""
    with suppress(StudioError):
        return [*_metrics_of_live(await bus.ask(GetLiveLoad()))]
    return ()


def _metrics_of_live(load: LiveLoad) -> Iterator[Metric]:
    yield GaugeMetricFamily("studio_live_followers", "Live subscriptions that are open now", value=load.followers)
    text = "Those among them that have not caught up"
    yield GaugeMetricFamily("studio_live_catching_up", text, value=load.catching_up)
    yield CounterMetricFamily("studio_live_skipped", "Items that slow followers were not sent", value=load.skipped)


def _metrics_of(counts: AlertCounts) -> Iterator[Metric]:
    states = GaugeMetricFamily("studio_alerts", "Alerts in a state now", labels=["state"])
    for state, count in counts.states.items():
        states.add_metric([state.value], count)
    yield states
    yield GaugeMetricFamily("studio_alert_messages_waiting", "Messages to webhooks that wait", value=counts.waiting)
    for name, text, read in _OF_ALERTS:
        yield CounterMetricFamily(f"studio_alert_{name}", text, value=read(counts))


def lag_metric(request: web.Request) -> Metric:
    seconds = request.app[LAG].seconds(asyncio.get_running_loop().time())
    text = "Longest delay of the event loop in the last minute"
    return GaugeMetricFamily("studio_event_loop_lag_seconds", text, value=seconds)


async def metrics(call: Call[None, None]) -> web.Response:
    registry = CollectorRegistry()
    registry.register(BusCollector(call.bus))
    asked = [*await live_metrics(call.bus), *await alert_metrics(call.bus)]
    registry.register(Families([lag_metric(call.request), *asked]))
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
        summary="Counters of the message bus, how full its lanes are, and states of alerts, for Prometheus",
    ),
)
