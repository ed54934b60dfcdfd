"""The public face of SpanStoreActor: spans in, queries out."""

from datetime import datetime
from enum import Enum
from typing import Literal

import attrs
import pyarrow as pa

from actors.principal import Principal
from actors.runtime.messages import Event, Request, StreamRequest
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import StoredLog
from actors.span_store.columns.rows import SpanRows
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.masking.masking import Masking
from actors.span_store.pricing.own_price import OwnPrices
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds
from actors.span_store.query.position import Position
from actors.span_store.traces.detail import AttributeValue, SpanDetail
from actors.span_store.traces.outline import Outline
from actors.span_store.traces.summary import TraceSpans


@attrs.frozen(kw_only=True)
class IngestSummary:
    """What became of one ``IngestSpans``; the spans are durable and queryable. A re-sent span counts as duplicate."""

    stored: int
    duplicates: int


@attrs.frozen(kw_only=True)
class IngestSpans(Request[IngestSummary]):
    """Store spans; the reply comes after they are durable. ``size`` is what they take on the wire, in bytes.

    ``spans`` may be given as single spans or columns; what is kept is rows. They are made here and not by the store, so
    that its one writer has no more to do than it must: see ``span_rows`` for what that takes, and what it raises.
    ``Logs`` in their place are log records, which the summary counts then; their spans may come later, or never.
    """

    spans: SpanRows = attrs.field(converter=stored_rows)
    size: int

    @property
    def weight(self) -> int:
        return self.size


class SpanFilter(Enum):
    """Which spans of a service a search is about."""

    ALL = "all"
    ROOTS = "roots"  # without a parent
    LLM_ROOTS = "llm_roots"  # roots whose trace has a model call or an embedding, of any service and convention
    WORKFLOWS = "workflows"  # junjo span type "workflow"


@attrs.frozen(kw_only=True)
class Cursor:
    """A place in a list of spans, newest start first: behind the span that has these."""

    start_time_unix_nano: int
    position: Position  # orders spans that start together


@attrs.frozen(kw_only=True)
class SpanPage:
    """Spans, newest start first, and where the next page begins (``None`` at the end).

    A page may have fewer spans than were asked for, or none, and not be the last.
    """

    spans: tuple[StoredSpan, ...]
    next: Cursor | None


@attrs.frozen(kw_only=True)
class ListServices(Request[tuple[str, ...]]):
    """The distinct service names, ascending."""


@attrs.frozen(kw_only=True)
class SearchSpans(Request[SpanPage]):
    """Spans of one service, or of all, that ``where`` is true of; newest start first.

    A page ends before it would pass 32 MB, with one span at least. ``room`` is how many bytes the asker has room for,
    of the spans as they are stored: ``NeedsRoom`` when the page has more.

    ``InvalidRequest`` when ``where`` has more nodes or levels than its bounds let it. Where it asks for more than
    promoted attributes, spans are gone through one after the other, for some tenths of a second a page. Then a page
    ends where its time was up: with fewer spans than were asked for, or with none.
    """

    service_name: str | None = None
    filter: SpanFilter = SpanFilter.ALL
    where: Expression | None = attrs.field(default=None, validator=attrs.validators.optional(demand_bounds))
    limit: int = 500
    after: Cursor | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetTraceSpans(Request[tuple[StoredSpan, ...]]):
    """Every span of a trace, newest start first; none when it is unknown. The id is compared exactly.

    ``NeedsRoom`` when they take more bytes than ``room``: ``SearchTrace`` has them a page at a time.
    """

    trace_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class SearchTrace(Request[SpanPage]):
    """Spans of one trace, newest start first.

    A page ends before it would pass ``room`` bytes; ``NeedsRoom`` when its first span does. What comes in while
    somebody goes through the pages may be in those to come; nothing is repeated or left out.
    """

    trace_id: str
    only_subflows: bool = False  # by their Junjo span type
    limit: int = 500
    after: Cursor | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetSpan(Request[StoredSpan | None]):
    """One span, or ``None``. ``NeedsRoom`` when it takes more bytes than ``room``."""

    trace_id: str
    span_id: str
    room: int | None = None


# Of the records of one span, as they are stored, that are read together: a span may have any number of them.
MOST_LOG_BYTES = 16 * 1024 * 1024


@attrs.frozen(kw_only=True)
class GetSpanLogs(Request[tuple[StoredLog, ...]]):
    """The log records of one span, oldest first; none when there are none, whether the span is stored or not.

    ``NeedsRoom`` when they take more bytes than ``room``.
    """

    trace_id: str
    span_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetTrace(Request[TraceSpans]):
    """A trace and its spans, oldest first, each model call counted once. ``NotFound`` without any span, ``TooLarge``.

    ``NeedsRoom`` when what is read of them takes more bytes than ``room``; so it is with the other questions here.
    """

    trace_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetOutline(Request[Outline]):
    """A trace as columns of numbers. ``NotFound`` without any span."""

    trace_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetSpanDetail(Request[SpanDetail]):
    """All that is stored of a span, of large values the beginning. ``NotFound`` when it is unknown."""

    trace_id: str
    span_id: str
    room: int | None = None


@attrs.frozen(kw_only=True)
class GetAttributeValue(Request[AttributeValue]):
    """One value of a span whole. ``NotFound`` when there is no such span or attribute.

    ``within`` is ``attributes``, ``resource`` or ``scope``, or ``event.N`` or ``link.N``, from 0.
    """

    trace_id: str
    span_id: str
    key: str
    within: str = "attributes"
    room: int | None = None


@attrs.frozen(kw_only=True)
class FoundSpans:
    """Spans with a text, latest arrival first. ``before`` is where the search goes on, ``None`` when it is through."""

    spans: tuple[StoredSpan, ...]
    before: Position | None


@attrs.frozen(kw_only=True)
class SearchText(Request[FoundSpans]):
    """Spans whose name, status message, attributes or events say this text, case and all, however JSON spells it.

    ``before`` is that of the page before. Times bound the start of the spans: from (included) to (excluded). A page
    ends before it would pass ``room`` bytes; ``NeedsRoom`` when its first span does. ``where`` is true of them, too.
    """

    text: str
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    service_name: str | None = None
    trace_id: str | None = None
    from_time_unix_nano: int | None = None
    to_time_unix_nano: int | None = None
    limit: int = 100
    before: Position | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class Deleted:
    """Spans that are gone for good, and their space with them."""

    spans: int


@attrs.frozen(kw_only=True)
class DeleteTrace(Request[Deleted]):
    """Delete the spans of a trace that are stored now, and their log records. ``NotFound`` when there are none.

    A span that is sent again afterwards is stored again. What a fault cuts short can be done again.
    """

    trace_id: str
    by: Principal


@attrs.frozen(kw_only=True)
class DeleteService(Request[Deleted]):
    """Delete the spans of a service, as ``DeleteTrace`` does those of a trace. It may take minutes."""

    service_name: str
    by: Principal


class Exported(Enum):
    """What an export has."""

    SPANS = "spans"
    LOGS = "logs"  # log records, with the columns of spans: ``log_table`` makes records of them
    BOTH = "both"  # all spans, then all log records


@attrs.frozen(kw_only=True)
class ExportSpans(StreamRequest[pa.Table]):
    """The spans that are stored now, whole, in the order of their arrival, less those that are deleted meanwhile.

    ``what`` says whether log records are meant, too; ``where`` is true of all that is exported. Times bound the start
    of the spans, and the times of log records: from (included) to (excluded). The columns are those of the sealed
    files: ``seq``, then everything that is stored of a span. Each table has a few megabytes; where there is no span, a
    single one says the columns. With ``mask`` they are masked on their way out, and what is stored stays as it is.
    """

    service_name: str | None = None
    trace_id: str | None = None
    what: Exported = Exported.SPANS
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    from_time_unix_nano: int = 0
    to_time_unix_nano: int = 2**64 - 1
    mask: Masking | None = None


@attrs.frozen(kw_only=True)
class FilePart:
    """A part of a file of ``size`` bytes. The parts of a file come in order; an empty one has a single empty part."""

    name: str  # a path with slashes, relative to the folder of all data
    size: int
    offset: int
    content: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class BackUp(StreamRequest[FilePart]):
    """A copy of all files of the studio as they are now: spans, accounts, keys; not the secrets of its settings."""

    by: Principal


@attrs.frozen(kw_only=True)
class Job:
    """Work in the background: ``done`` parts ``of`` all of them."""

    name: str
    done: int
    of: int


@attrs.frozen(kw_only=True)
class StoreState:
    """How the store is. Healthy without ``problems``, each a sentence for people who may not see the machine.

    While it is not open, nothing is known of what it holds.
    """

    problems: tuple[str, ...]
    is_open: bool = False
    recent_spans: int = 0  # durable in journals, in memory, not sealed yet
    recent_bytes: int = 0
    segments: int = 0
    segment_bytes: int = 0
    sealed_spans: int = 0
    retention_waits: str | None = None  # a sentence that says why what is too old stays
    background: tuple[Job, ...] = ()  # what is being done now


@attrs.frozen(kw_only=True)
class GetStoreState(Request[StoreState]):
    """Answered from memory, also while the store cannot be opened."""


@attrs.frozen(kw_only=True)
class GetTrustedTime(Request[datetime | None]):
    """What time it is, for whoever deletes what is old. ``None`` while the machine's clock is not believed.

    The clock is looked at now, so a jump is seen that came a moment ago. Nothing is believed before the store is open.
    """


@attrs.frozen(kw_only=True)
class UsePrices(Request[None]):
    """Price model calls with these before those of the price table: all spans that come from now on.

    Stored ones stay as they are, but those of restatements, which are priced anew in the background.
    """

    own: OwnPrices


@attrs.frozen(kw_only=True)
class PriceTable:
    """Where the prices come from that no admin has set: the package, or a file that is used in its place."""

    source: Literal["package", "file"]
    version: str


@attrs.frozen(kw_only=True)
class GetPriceTable(Request[PriceTable]):
    """Answered from memory."""


@attrs.frozen(kw_only=True)
class SpansStored(Event):
    """New spans are durable and queryable."""

    count: int
    trace_ids: frozenset[str]
