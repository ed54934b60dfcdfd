"""Routes that receive spans and their log records: OTLP/HTTP in protobuf or JSON (OTLP 1.11)."""

from aiohttp import web

from actors.errors import InvalidRequest, Overloaded, Throttled, TooLarge, Unavailable, UnsupportedMedia
from actors.runtime.budget import Reservation
from transports.http.framework.app_keys import CALLERS_KEY, CONFIG
from transports.http.framework.body import read_body
from transports.http.framework.misdirected import note_rejected
from transports.http.framework.route import Access, Call, Handler, Route
from transports.http.wire import otlp_answers
from transports.http.wire.otlp_answers import JSON, PROTOBUF
from transports.inflate import inflate_in_turn
from transports.otlp.decode import receive_traces
from transports.otlp.decode_logs import receive_logs
from transports.otlp.decoder import decoding_memory
from transports.otlp.discarded import METRICS, discard
from transports.otlp.request import Receive


async def export_traces(call: Call[None, None]) -> web.Response:
    """Store the spans of a request; the answer comes after they are durable."""
    return await _stored(call, receive_traces)


async def export_logs(call: Call[None, None]) -> web.Response:
    """Store the log records of a request that say of which span they are, and reject all others.

    The answer comes after they are durable.
    """
    return await _stored(call, receive_logs)


async def _stored(call: Call[None, None], receive: Receive) -> web.Response:
    rate = call.config.key_rate
    count = None if rate is None else rate.admit(call.request[CALLERS_KEY].id)  # before anything is read
    with call.config.otlp_budget.reserve() as reservation:
        body = await _body_of(call.request, reservation)
        json = call.request.content_type == JSON
        reservation.grow(call.config.decoder.memory(len(body), json=json))
        response = await receive(call.bus, body, json=json, decoder=call.config.decoder, count=count)
    note_rejected(call.request, response)
    return otlp_answers.answer(call.request, response)


async def export_metrics(call: Call[None, None]) -> web.Response:
    """Discard metrics, which some SDKs send along, and answer how many data points they were.

    The body is received like that of spans, within the same limits.
    """
    with call.config.otlp_budget.reserve() as reservation:
        body = await _body_of(call.request, reservation)
        json = call.request.content_type == JSON
        if json:
            reservation.grow(decoding_memory(len(body), json=True))
        response = await discard(METRICS, body, json=json, decoder=call.config.decoder)
    note_rejected(call.request, response)
    return otlp_answers.answer(call.request, response)


async def _body_of(request: web.Request, reservation: Reservation) -> bytes:
    """The inflated body, whose bytes the reservation holds."""
    if request.content_type not in (PROTOBUF, JSON):
        raise UnsupportedMedia(f"Send spans as {PROTOBUF} or {JSON}")
    limit = request.app[CONFIG].max_request_bytes
    raw = await read_body(request, limit, reservation)
    encoding = ", ".join(request.headers.getall("Content-Encoding", ()))
    body = await inflate_in_turn(raw, encoding, limit, request.app[CONFIG].decoder)
    if body is not raw:
        reservation.grow(len(body))
    return body


def _route(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        access=Access.INGEST_KEY,
        answers=bytes,
        content_type=PROTOBUF,
        errors=(InvalidRequest, UnsupportedMedia, TooLarge, Overloaded, Throttled, Unavailable),
        tag="OTLP",
        summary=summary,
    )


ROUTES = (
    _route("/v1/traces", export_traces, "Receive spans (ExportTraceServiceRequest)"),
    _route("/v1/metrics", export_metrics, "Count and discard metrics (ExportMetricsServiceRequest)"),
    _route("/v1/logs", export_logs, "Receive log records of spans (ExportLogsServiceRequest)"),
)
