"""Spans out, many of them: a download in one of three formats."""

import asyncio
from datetime import datetime
from enum import Enum

import attrs
from aiohttp import web

from actors.errors import Overloaded, Unavailable
from actors.span_store.messages import ExportSpans
from transports.http.export_formats import CsvText, Encoder, JsonLines, ParquetFile
from transports.http.route import Access, Call, Route, described
from transports.http.streamed import streamed
from transports.http.text_search import nanoseconds

_LATEST = 2**64 - 1


class Format(Enum):
    """What a download is written in."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"


_ENCODERS: dict[Format, type[Encoder]] = {
    Format.PARQUET: ParquetFile,
    Format.JSONL: JsonLines,
    Format.CSV: CsvText,
}


@attrs.frozen(kw_only=True)
class ExportQuery:
    """Which spans, and how."""

    service: str | None = attrs.field(default=None, metadata=described("Only spans of this service", "joke-agent"))
    from_: datetime | None = attrs.field(
        default=None, metadata=described("Only spans that started at this time or later", "2026-11-22T20:00:00Z")
    )
    to: datetime | None = attrs.field(
        default=None, metadata=described("Only spans that started before this time", "2026-11-22T21:00:00Z")
    )
    format: Format = attrs.field(
        default=Format.PARQUET, metadata=described("jsonl is OTLP/JSON, a span to a line", "jsonl")
    )


async def export_spans(call: Call[None, ExportQuery]) -> web.StreamResponse:
    encoder = _ENCODERS[call.query.format]()
    async with call.bus.stream(_request(call.query)) as parts:
        first = await anext(parts)  # an error that comes before the first part is answered as one
        async with streamed(call.request, encoder.content_type, f"spans.{call.query.format.value}") as download:
            await download.write(await asyncio.to_thread(encoder.add, first))
            async for part in parts:
                await download.write(await asyncio.to_thread(encoder.add, part))
            await download.write(encoder.end())
    return download.response


def _request(query: ExportQuery) -> ExportSpans:
    from_, to = nanoseconds(query.from_), nanoseconds(query.to)
    return ExportSpans(
        service_name=query.service,
        from_time_unix_nano=0 if from_ is None else from_,
        to_time_unix_nano=_LATEST if to is None else to,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/observability/export",
        handler=export_spans,
        access=Access.SESSION_OR_READ_KEY,
        query=ExportQuery,
        answers=None,
        downloads=tuple(encoder.content_type for encoder in _ENCODERS.values()),
        errors=(Overloaded, Unavailable),
        tag="observability",
        summary="Download spans, in the order of their arrival",
    ),
)
