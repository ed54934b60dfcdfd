"""Demonstration traces: an agent run and a Junjo workflow, sent to a running studio over OTLP/HTTP."""

import gzip
import time

import attrs
from aiohttp import ClientError, ClientSession, ClientTimeout
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from studio.demo.agent_run import agent_run
from studio.demo.drafts import TraceDraft
from studio.demo.workflow_run import workflow_run

_TIMEOUT = ClientTimeout(total=15)
_HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


class DemoFailed(Exception):
    """The spans were not stored. The text says why and what to do, for the person at the terminal; no key is in it."""


@attrs.frozen(kw_only=True)
class DemoSent:
    """The stored traces."""

    traces: tuple[TraceDraft, ...]

    def report(self, endpoint: str) -> str:
        """The report for the person at the terminal: what was sent, and where to read it."""
        observability = f"{endpoint}/api/v1/observability"
        lines = [f"Stored by the studio at {endpoint}:"]
        for trace in self.traces:
            lines += [
                f"  {trace.service}: one trace of {len(trace.spans)} spans",
                f"    {observability}/traces/{trace.trace_id}/spans",
            ]
        roots = f"{observability}/services/{self.traces[0].service}/spans/root"
        read = f'curl -H "x-junjo-api-key: $JUNJO_AI_STUDIO_API_KEY" {roots}'
        return "\n".join([*lines, "Read it with the session cookie or with the key, for example:", f"  {read}"])


async def send_demo(endpoint: str, key: str, *, is_far: bool = False) -> DemoSent:
    """Send both traces to the studio whose REST API is at ``endpoint``. Raises ``DemoFailed``.

    ``is_far`` allows the proxies that the environment names; those cannot reach a studio of this machine.
    """
    traces = (agent_run(), workflow_run())
    now = time.time_ns()
    request = ExportTraceServiceRequest(resource_spans=[trace.ending_at(now) for trace in traces])
    status, body = await _post(endpoint, key, gzip.compress(request.SerializeToString()), is_far=is_far)
    _demand_stored(endpoint, status, body)
    return DemoSent(traces=traces)


async def _post(endpoint: str, key: str, body: bytes, *, is_far: bool) -> tuple[int, bytes]:
    if not endpoint.startswith(("http://", "https://")):
        raise DemoFailed(f"{endpoint} is no URL of a studio; one looks like http://localhost:1323")
    if not key.isascii() or not key.isprintable():
        raise DemoFailed("An API key has letters and digits only")
    headers = _HEADERS | {"x-junjo-api-key": key}
    url = f"{endpoint.rstrip('/')}/v1/traces"
    try:
        async with (
            ClientSession(timeout=_TIMEOUT, trust_env=is_far) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
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
