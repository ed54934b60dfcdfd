"""Route of the export: a download of many spans and log records in one of three formats."""

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import attrs
from aiohttp import web

from actors.audit_entry import Action, AuditEntry, Resource
from actors.audit_trail.messages import RecordAudit
from actors.errors import Overloaded, Problem, Unavailable
from actors.span_store.masking.masking import Masking
from actors.span_store.messages import Exported, ExportSpans
from actors.span_store.query.expression import EVERYTHING
from transports.http.framework.compression import accepts_gzip
from transports.http.framework.file_download import file_download
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import HexId, MaxLength
from transports.http.framework.validation import invalid
from transports.http.wire.export_formats import CsvText, Encoder, Gzipped, JsonLines, LogColumns, ParquetFile
from transports.http.wire.filters import DESCRIPTION, EXAMPLE, Filter
from transports.http.wire.masks import LONGEST, masking_in, names_of
from transports.http.wire.moments import Moment, time_text

_LATEST = 2**64 - 1


class Format(Enum):
    """File format of a download."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"


class What(Enum):
    """What a download has."""

    SPANS = "spans"
    LOGS = "logs"


_ENCODERS: dict[Format, type[Encoder]] = {
    Format.PARQUET: ParquetFile,
    Format.JSONL: JsonLines,
    Format.CSV: CsvText,
}


@attrs.frozen(kw_only=True)
class ExportQuery:
    """A selection of spans and their log records, and the format of the download."""

    service: str | None = attrs.field(
        default=None, metadata=described("Only spans and log records of this service", "joke-agent")
    )
    q: Filter | None = attrs.field(default=None, metadata=described(f"{DESCRIPTION}; of spans alone", EXAMPLE))
    trace_id: Annotated[str, HexId(32)] | None = attrs.field(
        default=None, metadata=described("Only those of this trace", "0af7651916cd43dd8448eb211c80319c")
    )
    from_: Moment | None = attrs.field(
        default=None, metadata=described("Only those that started at this time or later", "2026-11-22T20:00:00.000Z")
    )
    to: Moment | None = attrs.field(
        default=None, metadata=described("Only those that started before this time", "2026-11-22T21:00:00.000Z")
    )
    format: Format = attrs.field(
        default=Format.PARQUET, metadata=described("jsonl is OTLP/JSON, a span or log record to a line", "jsonl")
    )
    what: What | None = attrs.field(
        default=None,
        metadata=described("Only spans, or only their log records; otherwise spans, and in jsonl both", "logs"),
    )
    mask: Annotated[str, MaxLength(LONGEST)] | None = attrs.field(
        default=None,
        metadata=described("What is masked on the way out, written as in JUNJO_MASK: names or a JSON array", "email"),
    )

    @property
    def exported(self) -> Exported:
        """What to export. Only in lines can spans and log records stand in one file; a filter is about spans."""
        if self.what is None:
            return Exported.BOTH if self.format is Format.JSONL and self.q is None else Exported.SPANS
        return Exported(self.what.value)


async def export_spans(call: Call[None, ExportQuery]) -> web.StreamResponse:
    _demand_spans(call.query)
    encoder, headers = _encoder_for(call)
    mask = None if call.query.mask is None else await masking_in(call.query.mask)
    async with call.bus.stream(_request(call.query, mask)) as parts:
        first = await anext(parts)  # an error that comes before the first part is answered as one
        await call.bus.ask(RecordAudit(entry=_entry(call, mask)))  # nothing leaves that is not recorded
        name = f"{(call.query.what or What.SPANS).value}.{call.query.format.value}"
        async with file_download(call.request, encoder.content_type, name, headers) as download:
            await download.write(await asyncio.to_thread(encoder.add, first))
            async for part in parts:
                await download.write(await asyncio.to_thread(encoder.add, part))
            await download.write(encoder.end())
    return download.response


def _demand_spans(query: ExportQuery) -> None:
    if query.q is not None and query.what is What.LOGS:
        message = "Input should be 'spans': a filter says nothing of log records"
        raise invalid(Problem(type="enum", location=("query", "what"), message=message, input=query.what.value))


def _entry(call: Call[None, ExportQuery], mask: Masking | None) -> AuditEntry:
    query = call.query
    chosen = {
        "service": query.service,
        "q": None if query.q is None else query.q.text,
        "trace_id": query.trace_id,
        "from": None if query.from_ is None else time_text(query.from_.unix_nano),
        "to": None if query.to is None else time_text(query.to.unix_nano),
        "format": query.format.value,
        "what": None if query.what is None else query.what.value,
        "mask": None if mask is None else names_of(mask),
    }
    details = {name: value for name, value in chosen.items() if value is not None}
    return AuditEntry(action=Action.READ, resource=Resource.EXPORT, resource_id=None, by=call.by, details=details)


def _encoder_for(call: Call[None, ExportQuery]) -> tuple[Encoder, Mapping[str, str]]:
    """The encoder of the format and its headers: in gzip where the format is text and the client accepts that."""
    encoder = _ENCODERS[call.query.format]()
    if call.query.what is What.LOGS and call.query.format is not Format.JSONL:
        encoder = LogColumns(encoder)
    if not encoder.is_text:
        return encoder, {}
    varies = {"Vary": "Accept-Encoding"}
    if not accepts_gzip(call.request.headers):
        return encoder, varies
    return Gzipped(encoder), varies | {"Content-Encoding": "gzip"}


def _request(query: ExportQuery, mask: Masking | None) -> ExportSpans:
    return ExportSpans(
        service_name=query.service,
        trace_id=query.trace_id,
        where=EVERYTHING if query.q is None else query.q.expression,
        what=query.exported,
        from_time_unix_nano=0 if query.from_ is None else query.from_.unix_nano,
        to_time_unix_nano=_LATEST if query.to is None else query.to.unix_nano,
        mask=mask,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/export",
        handler=export_spans,
        access=Access.SESSION_OR_READ_KEY,
        query=ExportQuery,
        only_known=True,
        answers=None,
        downloads=tuple(encoder.content_type for encoder in _ENCODERS.values()),
        errors=(Overloaded, Unavailable),
        tag="observability",
        summary="Download spans and their log records, in the order of their arrival",
    ),
)
