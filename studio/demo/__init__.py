"""Demonstration traces: a day of three agents and a Junjo workflow, sent to a running studio over OTLP/HTTP."""

import gzip
import time
from collections.abc import Iterator, Sequence

import attrs
from aiohttp import ClientError, ClientSession, ClientTimeout
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from studio.demo.day import SEED, day
from studio.demo.drafts import TraceDraft

_TIMEOUT = ClientTimeout(total=15)
_HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
_BATCH = 60  # traces in a request


class DemoFailed(Exception):
    """The spans were not stored. The text says why and what to do, for the person at the terminal; no key is in it."""


@attrs.frozen(kw_only=True)
class DemoSent:
    """The stored traces."""

    traces: Sequence[TraceDraft]

    def report(self, endpoint: str) -> str:
        """The report for the person at the terminal: what was sent, and where to look."""
        services = sorted({trace.service for trace in self.traces})
        roots = f"{endpoint}/api/v1/observability/services/{services[0]}/spans/root"
        return "\n".join(
            [
                f"Stored by the studio at {endpoint}, over the last 24 hours:",
                *(line for service in services for line in self._of_service(service, endpoint)),
                "Read it with the session cookie or with the key, for example:",
                f'  curl -H "x-junjo-api-key: $JUNJO_AI_STUDIO_API_KEY" {roots}',
                "Or look at it in the console:",
                f"  {endpoint}/console/",
            ]
        )

    def _of_service(self, service: str, endpoint: str) -> Iterator[str]:
        traces = [trace for trace in self.traces if trace.service == service]
        spans = sum(len(trace.spans) for trace in traces)
        yield f"  {service}: {len(traces)} traces, {spans} spans; the newest:"
        yield f"    {endpoint}/api/v1/observability/traces/{traces[-1].trace_id}/spans"


async def send_demo(endpoint: str, key: str, *, is_far: bool = False, seed: int = SEED) -> DemoSent:
    """Send a day of traces to the studio whose REST API is at ``endpoint``. Raises ``DemoFailed``.

    ``is_far`` allows the proxies that the environment names; those cannot reach a studio of this machine.
    """
    _demand_sendable(endpoint, key)
    traces, now = day(seed), time.time_ns()
    headers = _HEADERS | {"x-junjo-api-key": key}
    async with ClientSession(timeout=_TIMEOUT, trust_env=is_far, headers=headers) as session:
        for first in range(0, len(traces), _BATCH):
            batch = [trace.before(now) for trace in traces[first : first + _BATCH]]
            status, body = await _post(session, endpoint, ExportTraceServiceRequest(resource_spans=batch))
            _demand_stored(endpoint, status, body)
    return DemoSent(traces=traces)


def _demand_sendable(endpoint: str, key: str) -> None:
    if not endpoint.startswith(("http://", "https://")):
        raise DemoFailed(f"{endpoint} is no URL of a studio; one looks like http://localhost:1323")
    if not key.isascii() or not key.isprintable():
        raise DemoFailed("An API key has letters and digits only")


async def _post(session: ClientSession, endpoint: str, request: ExportTraceServiceRequest) -> tuple[int, bytes]:
    url = f"{endpoint.rstrip('/')}/v1/traces"
    body = gzip.compress(request.SerializeToString())
    try:
        async with session.post(url, data=body, allow_redirects=False) as response:
            return response.status, await response.read()
    except (TimeoutError, ClientError, ValueError) as fault:
        raise DemoFailed(
            f"No studio answers at {endpoint}: start one with `studio`, or say where it is with --endpoint"
        ) from fault


def _demand_stored(endpoint: str, status: int, body: bytes) -> None:
    if status in (401, 403):
        raise DemoFailed(
            f"The studio at {endpoint} does not take spans with this key: it is wrong, revoked, or lacks the scope "
            "`ingest`. POST /api_keys makes a new one"
        )
    if status in (429, 503):
        raise DemoFailed(f"The studio at {endpoint} is too busy just now; try again in a moment")
    try:
        answer = ExportTraceServiceResponse.FromString(body)
    except DecodeError:
        answer = None
    if status != 200 or answer is None:  # noqa: PLR2004 - HTTP's OK
        raise DemoFailed(f"What answers at {endpoint} is no studio, or a broken one (HTTP status {status})")
    if answer.partial_success.rejected_spans:
        raise DemoFailed(f"The studio at {endpoint} refused spans: {answer.partial_success.error_message}")
