"""The traffic of the benchmarks, and the tools that look at a studio under it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scripts.load.counting import Count, count_back
from scripts.load.own_load import Load, OwnLoad
from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payload, Payloads
from scripts.load.senders import SENDERS
from scripts.load.traffic import BUSIEST, SPANS_A_REQUEST, Traffic
from scripts.load.watching import FreshnessWatch, Rest, StudioWatch, repeated

pytestmark = pytest.mark.integration


def ends_of(payload: Payload) -> int:
    request = ExportTraceServiceRequest.FromString(payload.body)
    return max(span.end_time_unix_nano for span in request.resource_spans[0].scope_spans[0].spans)


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic()


def test_the_past_goes_evenly_up_to_now(traffic: Traffic) -> None:
    before = time.time_ns()
    ends = [ends_of(payload) for payload in traffic.of_the_past(10 * SPANS_A_REQUEST - 1, seconds=3600)]
    now = time.time_ns()

    assert len(ends) == 10
    assert before <= ends[-1] <= now
    assert {round((later - earlier) / 1e9) for earlier, later in pairwise(ends)} == {360}


def test_the_present_ends_when_it_is_told(traffic: Traffic) -> None:
    over = threading.Event()
    present = traffic.of_the_present(over)
    before = time.time_ns()

    assert all(ends_of(payload) >= before for payload in islice(present, 3))
    over.set()
    assert next(present, None) is None


def test_acknowledged_traces_are_known(traffic: Traffic) -> None:
    (payload,) = traffic.of_the_past(SPANS_A_REQUEST, seconds=1)

    traffic.acknowledged(payload)

    assert traffic.spans == SPANS_A_REQUEST
    assert traffic.any_trace() in {trace_id for trace_id, _ in payload.ids}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnStudio, str]]:
    with OwnStudio(tmp_path_factory.mktemp("load") / "data") as studio:
        yield studio, studio.sign_up()


def test_counting_back_finds_what_is_missing_and_what_is_foreign(studio: tuple[OwnStudio, str], tmp_path: Path) -> None:
    running, key = studio
    first, second, never = (
        (payloads := Payloads(25)).make("counted"),
        payloads.make("counted"),
        payloads.make("counted"),
    )
    with closing(SENDERS["http"](running, key)) as sender:
        for payload in (first, second, second):
            sender.send(payload.body)

    def count(*expected: Payload) -> Count:
        return count_back(running, "counted", [ids for payload in expected for ids in payload.packed_ids], tmp_path)

    assert count(first, second) == Count(stored=50, missing=0, twice=0, foreign=0)
    assert count(first, never) == Count(stored=50, missing=25, twice=0, foreign=25)
    with pytest.raises(AssertionError):
        count(first).demand_all()


def test_an_acknowledged_span_is_looked_for(studio: tuple[OwnStudio, str]) -> None:
    running, key = studio
    payload = Payloads(25).make("watched")
    with closing(SENDERS["grpc"](running, key)) as sender, closing(Rest(running)) as rest:
        sender.send(payload.body)
        freshness = FreshnessWatch(rest)

        def heard_and_found() -> bool:
            freshness.heard(payload)
            return bool(freshness.asked)

        with repeated(freshness.look, every=0):
            until(heard_and_found)

    assert set(freshness.asked) == {1}


def test_health_and_memory_are_watched(studio: tuple[OwnStudio, str]) -> None:
    running, _ = studio
    with closing(Rest(running)) as rest, StudioWatch(running, rest) as watch:
        until(lambda: len(watch.health) >= 2)

    assert len(watch.health) == len(watch.memory) >= 2
    assert min(watch.health) > 0


def test_load_of_another_process_comes_in(studio: tuple[OwnStudio, str], tmp_path: Path) -> None:
    running, key = studio
    with (
        OwnLoad(Load.on(running, key=key, protocol="http", clients=2, rate=20_000)) as coming_in,
        closing(Rest(running)) as rest,
    ):
        until(lambda: BUSIEST in rest.get("/api/v1/observability/services").json)

    traffic = Traffic()
    traffic.add(coming_in.outcome.traces)
    assert traffic.spans == len(coming_in.outcome.sent.delays) * SPANS_A_REQUEST
    for service, traces in traffic.traces.items():
        count_back(running, service, traces, tmp_path).demand_all()


def test_load_that_fails_says_so() -> None:
    nobody = Load(http_port=1, otlp_port=1, key="none", protocol="http", clients=1, rate=1000)

    with pytest.raises(RuntimeError, match="connection lost"), OwnLoad(nobody) as load:
        until(lambda: not load._process.is_alive())


def test_what_goes_wrong_in_a_watcher_is_raised() -> None:
    called = threading.Event()

    def look() -> None:
        called.set()
        raise AssertionError("not there")

    with pytest.raises(AssertionError, match="not there"), repeated(look, every=0):
        assert called.wait(10)
