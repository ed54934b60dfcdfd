"""OpenTelemetry's own exporters against a studio that is overloaded, restarted and killed: every span arrives, once."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scripts.load.own_studio import HOST, OwnStudio, SpanId
from scripts.load.senders import EXPORT
from tests.system.stage import BATCH, SERVICE, batch_of_spans
from tests.transports.grpc.http2_client import framed, http2_client
from transports.inflate import DEFAULT_LIMIT

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]

_SECONDS = 60.0  # an exporter tries so long; what is not there after that will never be
_MEMORY_MB = "812"  # 300 are not for work, and half of the rest is for requests that are being received
_LARGEST_AT_ONCE = 4  # requests of the largest size, which fill that


class Program(threading.Thread):
    """Makes spans and exports them, batch by batch, until it is told to stop."""

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(daemon=True)
        self._exporter = exporter
        self._told_to_stop = threading.Event()
        self._grown = threading.Condition()
        self.ids: list[SpanId] = []
        self.failures = 0

    def run(self) -> None:
        while not self._told_to_stop.is_set():
            spans = batch_of_spans()
            failed = self._exporter.export(spans) is not SpanExportResult.SUCCESS
            with self._grown:
                self.ids += ids_of(spans)
                self.failures += failed
                self._grown.notify_all()
        self._exporter.shutdown()

    def wait_for_more(self, batches: int) -> None:
        with self._grown:
            enough = len(self.ids) + batches * BATCH
            assert self._grown.wait_for(lambda: self.failures or len(self.ids) >= enough, _SECONDS)

    def stop(self) -> None:
        self._told_to_stop.set()
        self.join(_SECONDS)
        assert not self.is_alive()


class Retries(logging.Handler):
    """Hears from the exporters that they will try again."""

    def __init__(self) -> None:
        super().__init__()
        self._heard = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "retrying in" in record.getMessage():
            self._heard.set()

    def wait(self) -> None:
        assert self._heard.wait(_SECONDS)


@pytest.fixture
def retries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Retries]:
    # This one keeps a warning to itself for a minute after another like it, which may be another test's.
    monkeypatch.setattr(logging.getLogger("opentelemetry.exporter.otlp.proto.grpc.exporter"), "filters", [])
    handler = Retries()
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def ids_of(spans: Sequence[ReadableSpan]) -> list[SpanId]:
    contexts = [span.get_span_context() for span in spans]
    return [(f"{context.trace_id:032x}", f"{context.span_id:016x}") for context in contexts if context]


def over_grpc(studio: OwnStudio, key: str) -> SpanExporter:
    endpoint = f"http://{HOST}:{studio.otlp_port}"
    return GrpcExporter(endpoint, insecure=True, headers={"x-junjo-api-key": key}, timeout=_SECONDS)


def over_http(studio: OwnStudio, key: str) -> SpanExporter:
    endpoint = f"http://{HOST}:{studio.http_port}/v1/traces"
    return HttpExporter(endpoint, headers={"x-junjo-api-key": key}, timeout=_SECONDS)


MakeExporter: TypeAlias = Callable[[OwnStudio, str], SpanExporter]
with_each_exporter = pytest.mark.parametrize("make_exporter", [over_grpc, over_http], ids=["grpc", "http"])


def fixed_ports() -> dict[str, str]:
    """Ports that are free, so that a restarted studio can have them again."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(3)]
        for each in taken:
            each.bind((HOST, 0))
        names = ("JUNJO_BACKEND_PORT", "JUNJO_OTLP_PORT", "GRPC_PORT")
        return {name: str(each.getsockname()[1]) for name, each in zip(names, taken, strict=True)}


@with_each_exporter
@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_every_span_arrives_once_while_the_studio_is_replaced(
    data_dir: Path, retries: Retries, make_exporter: MakeExporter, how: str
) -> None:
    ports = fixed_ports()
    with OwnStudio(data_dir, **ports) as studio:
        program = Program(make_exporter(studio, studio.sign_up()))
        program.start()
        program.wait_for_more(20)
        getattr(studio, how)()
        retries.wait()
    with OwnStudio(data_dir, **ports) as studio:
        program.wait_for_more(5)
        program.stop()
        studio.sign_in()
        assert program.failures == 0
        assert sorted(studio.stored(SERVICE)) == sorted(program.ids)


@with_each_exporter
async def test_every_span_arrives_once_while_the_studio_is_overloaded(
    data_dir: Path, retries: Retries, make_exporter: MakeExporter
) -> None:
    with await asyncio.to_thread(partial(OwnStudio, data_dir, JUNJO_MEMORY_MB=_MEMORY_MB)) as studio:
        key = await asyncio.to_thread(studio.sign_up)
        program = Program(make_exporter(studio, key))
        async with http2_client(studio.otlp_port) as other:
            for _ in range(_LARGEST_AT_ONCE):  # announces as much as it may, and sends nothing of it
                call = await other.open(EXPORT, ("x-junjo-api-key", key))
                await other.send(call, framed(b"", length=DEFAULT_LIMIT))
            program.start()
            await asyncio.to_thread(retries.wait)
        await asyncio.to_thread(program.wait_for_more, 5)
        await asyncio.to_thread(program.stop)
        assert program.failures == 0
        assert sorted(await asyncio.to_thread(studio.stored, SERVICE)) == sorted(program.ids)
