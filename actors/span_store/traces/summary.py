"""What is said of a span and of a trace in a line, as values. Times are Unix nanoseconds; ``None`` is not known."""

import attrs

MOST_SPANS = 50_000  # of a trace that are answered one by one
MOST_LISTED = 20  # names of a list in the summary of a trace


@attrs.frozen(kw_only=True)
class Tokens:
    """What a model call took. Input includes cached tokens, output includes reasoning."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None


@attrs.frozen(kw_only=True)
class SpanSummary:
    """A span without its attributes. ``counted`` when it stands for a model call: all sums are those of such spans."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str  # unspecified, internal, server, client, producer, consumer
    type: str | None
    start_time_unix_nano: int
    end_time_unix_nano: int | None  # None while it runs
    status: str  # unset, ok, error
    status_message: str
    error_type: str | None
    model: str | None
    request_model: str | None
    provider: str | None
    tokens: Tokens | None  # None when the sender says none
    cost_usd: float | None
    cost_source: str | None  # reported, computed
    counted: bool
    session_id: str | None
    user_id: str | None
    agent: str | None
    tool: str | None
    finish_reason: str | None
    time_to_first_token_ns: int | None
    prompt_name: str | None
    prompt_version: str | None
    version: str | None
    environment: str | None
    input_preview: str | None
    output_preview: str | None

    @property
    def duration_ns(self) -> int | None:
        """From start to end, 0 where a clock was put back meanwhile."""
        return duration(self.start_time_unix_nano, self.end_time_unix_nano)


@attrs.frozen(kw_only=True)
class TraceSummary:
    """A trace by what all of its spans say. Lists ascend and have 20 names at most."""

    trace_id: str
    root: SpanSummary | None  # the earliest span without a parent
    name: str  # of the root; without one, of the earliest span, and so is the service
    service: str
    services: tuple[str, ...]
    start_time_unix_nano: int
    end_time_unix_nano: int | None  # of what has ended
    span_count: int
    error_count: int  # spans whose status is error
    status: str  # error when the root or a counted call failed, else ok
    complete: bool  # a root that ended is there
    llm_calls: int  # spans that count
    models: tuple[str, ...]
    tokens: Tokens | None
    cost_usd: float | None  # of the calls that have a price
    unpriced: int  # calls that have none
    session_id: str | None
    user_id: str | None
    agents: tuple[str, ...]
    tools: tuple[str, ...]
    input_preview: str | None  # of the root
    output_preview: str | None

    @property
    def duration_ns(self) -> int | None:
        return duration(self.start_time_unix_nano, self.end_time_unix_nano)


@attrs.frozen(kw_only=True)
class TraceSpans:
    """A trace and its spans by start, then id; the first 50,000 of them when it is ``truncated``."""

    trace: TraceSummary
    spans: tuple[SpanSummary, ...]
    truncated: bool


def duration(start: int, end: int | None) -> int | None:
    return None if end is None else max(0, end - start)
