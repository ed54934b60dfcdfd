"""The views that a statement of SQL may read, as they are documented: names, columns, types, and what each says."""

from typing import Final

import attrs

_ID = "32 lower-case hex digits"
_SPAN_ID = "16 lower-case hex digits"


@attrs.frozen
class ViewColumn:
    """A column of a view. ``type`` is as SQL says it."""

    name: str
    type: str
    description: str


@attrs.frozen
class SqlView:
    """A view and its columns, in the order of ``SELECT *``."""

    name: str
    description: str
    columns: tuple[ViewColumn, ...]


@attrs.frozen
class SqlExample:
    """A statement that can be run as it stands."""

    title: str
    sql: str


_TOKENS: Final = (
    ViewColumn("input_tokens", "BIGINT", "Tokens in, cached ones included"),
    ViewColumn("output_tokens", "BIGINT", "Tokens out, reasoning included"),
    ViewColumn("cache_read_tokens", "BIGINT", "Of the tokens in, those read from a cache"),
    ViewColumn("cache_write_tokens", "BIGINT", "Of the tokens in, those written to a cache"),
    ViewColumn("reasoning_tokens", "BIGINT", "Of the tokens out, those of reasoning"),
)
_SPAN: Final = (
    ViewColumn("trace_id", "VARCHAR", _ID),
    ViewColumn("span_id", "VARCHAR", _SPAN_ID),
    ViewColumn("parent_span_id", "VARCHAR", "Span that it is a part of; null for a root"),
    ViewColumn("service", "VARCHAR", "service.name of the resource"),
    ViewColumn("name", "VARCHAR", "Name of the span"),
    ViewColumn("kind", "VARCHAR", "unspecified, internal, server, client, producer or consumer"),
    ViewColumn("type", "VARCHAR", "llm, embedding, tool, agent, chain and so on, whatever library sent it"),
    ViewColumn("start_time", "TIMESTAMP_NS", "UTC"),
    ViewColumn("end_time", "TIMESTAMP_NS", "UTC; null while it runs"),
    ViewColumn("duration_ns", "BIGINT", "Nanoseconds from start to end"),
    ViewColumn("status", "VARCHAR", "unset, ok or error"),
    ViewColumn("status_message", "VARCHAR", "What the sender says of the status"),
    ViewColumn("error_type", "VARCHAR", "Class of the error"),
    ViewColumn("model", "VARCHAR", "Model that answered, else the one that was asked for"),
    ViewColumn("request_model", "VARCHAR", "Model that was asked for"),
    ViewColumn("provider", "VARCHAR", "openai, anthropic, google and so on"),
    *_TOKENS,
    ViewColumn("cost_usd", "DOUBLE", "US dollars; null without a price"),
    ViewColumn("cost_source", "VARCHAR", "reported or computed"),
    ViewColumn("counted", "BOOLEAN", "It stands for a model call: sums are sums of these"),
    ViewColumn("session_id", "VARCHAR", "Conversation that it belongs to"),
    ViewColumn("user_id", "VARCHAR", "User of the sender's product"),
    ViewColumn("agent", "VARCHAR", "Name of the agent"),
    ViewColumn("tool", "VARCHAR", "Name of the tool"),
    ViewColumn("finish_reason", "VARCHAR", "stop, length, tool_calls, content_filter, error, else as sent"),
    ViewColumn("time_to_first_token_ns", "BIGINT", "Nanoseconds"),
    ViewColumn("prompt_name", "VARCHAR", "Name of the prompt"),
    ViewColumn("prompt_version", "VARCHAR", "Version of the prompt"),
    ViewColumn("version", "VARCHAR", "service.version of the resource"),
    ViewColumn("environment", "VARCHAR", "Deployment environment of the resource"),
    ViewColumn("input_preview", "VARCHAR", "What went in, a line; read span by span"),
    ViewColumn("output_preview", "VARCHAR", "What came out, a line; read span by span"),
    ViewColumn("attributes", "JSON", "All attributes, by key; read span by span"),
    ViewColumn("resource", "JSON", "Attributes of the resource, by key; read span by span"),
)
_TRACE: Final = (
    ViewColumn("trace_id", "VARCHAR", _ID),
    ViewColumn("name", "VARCHAR", "Name of the root; without one, of the earliest span"),
    ViewColumn("service", "VARCHAR", "Service of the same span"),
    ViewColumn("services", "VARCHAR[]", "Ascending, at most 20"),
    ViewColumn("start_time", "TIMESTAMP_NS", "UTC"),
    ViewColumn("end_time", "TIMESTAMP_NS", "UTC, of what has ended"),
    ViewColumn("duration_ns", "BIGINT", "Nanoseconds from the first start to the last end"),
    ViewColumn("span_count", "BIGINT", "Spans that came so far"),
    ViewColumn("error_count", "BIGINT", "Spans whose status is error"),
    ViewColumn("status", "VARCHAR", "error when the root or a counted model call failed, else ok"),
    ViewColumn("complete", "BOOLEAN", "A root that ended is there"),
    ViewColumn("llm_calls", "BIGINT", "Spans that count"),
    ViewColumn("models", "VARCHAR[]", "Of the calls, ascending, at most 20"),
    *_TOKENS,
    ViewColumn("cost_usd", "DOUBLE", "US dollars, of the calls that have a price"),
    ViewColumn("unpriced", "BIGINT", "Calls that have none"),
    ViewColumn("session_id", "VARCHAR", "Of the root, else of the earliest span that has one"),
    ViewColumn("user_id", "VARCHAR", "Of the root, else of the earliest span that has one"),
    ViewColumn("agents", "VARCHAR[]", "Ascending, at most 20"),
    ViewColumn("tools", "VARCHAR[]", "Ascending, at most 20"),
    ViewColumn("input_preview", "VARCHAR", "Of the root; read span by span"),
    ViewColumn("output_preview", "VARCHAR", "Of the root; read span by span"),
)
_LOG: Final = (
    ViewColumn("trace_id", "VARCHAR", _ID),
    ViewColumn("span_id", "VARCHAR", "Span that it was written in"),
    ViewColumn("service", "VARCHAR", "service.name of the resource"),
    ViewColumn("time", "TIMESTAMP_NS", "UTC; null when it was not sent"),
    ViewColumn("observed_time", "TIMESTAMP_NS", "UTC; null when it was not sent"),
    ViewColumn("severity_number", "INTEGER", "1 to 24; 0 when it was not sent"),
    ViewColumn("severity", "VARCHAR", "As sent"),
    ViewColumn("event_name", "VARCHAR", "Name of the event that it is"),
    ViewColumn("body", "JSON", "Any value"),
    ViewColumn("attributes", "JSON", "All attributes, by key"),
    ViewColumn("resource", "JSON", "Attributes of the resource, by key"),
)
_SCORE: Final = (
    ViewColumn("id", "VARCHAR", "Id of the score"),
    ViewColumn("trace_id", "VARCHAR", _ID),
    ViewColumn("span_id", "VARCHAR", "Span that is meant; null for the whole trace"),
    ViewColumn("name", "VARCHAR", "What was judged"),
    ViewColumn("value", "DOUBLE", "Null when it is a word"),
    ViewColumn("word", "VARCHAR", "Null when it is a number"),
    ViewColumn("comment", "VARCHAR", "Why"),
    ViewColumn("source", "VARCHAR", "human, code or model"),
    ViewColumn("created_at", "TIMESTAMP_NS", "UTC"),
    ViewColumn("scored_by", "VARCHAR", "E-mail address of who sent it, or of the owner of the key"),
)
VIEWS: Final = (
    SqlView("spans", "All spans, each once", _SPAN),
    SqlView("calls", "The spans that stand for a model call: sums of tokens and money are sums of these", _SPAN),
    SqlView("traces", "All traces, summed up over all of their spans", _TRACE),
    SqlView("logs", "The log records of spans; read record by record", _LOG),
    SqlView("scores", "What people, programs and models think of traces", _SCORE),
)
EXAMPLES: Final = (
    SqlExample(
        "Calls, tokens and money of each model",
        "SELECT model, count(*) AS calls, sum(input_tokens) AS input, sum(output_tokens) AS output, "
        "sum(cost_usd) AS cost FROM calls GROUP BY model ORDER BY cost DESC NULLS LAST",
    ),
    SqlExample(
        "How long each tool takes",
        "SELECT tool, count(*) AS runs, quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms, "
        "count(*) FILTER (status = 'error') AS failed FROM spans WHERE type = 'tool' GROUP BY tool ORDER BY runs DESC",
    ),
    SqlExample(
        "Errors of the last day, by hour",
        "SELECT date_trunc('hour', start_time) AS hour, service, count(*) AS errors FROM spans "
        "WHERE status = 'error' AND start_time > now() - INTERVAL 1 DAY GROUP BY ALL ORDER BY hour",
    ),
    SqlExample(
        "The newest calls of one customer, by an attribute",
        "SELECT start_time, trace_id, model, cost_usd FROM calls "
        "WHERE (attributes ->> 'customer.plan') = 'enterprise' ORDER BY start_time DESC LIMIT 20",
    ),
    SqlExample(
        "Traces that were judged badly, and what they cost",
        "SELECT traces.trace_id, traces.name, traces.cost_usd, scores.value FROM traces "
        "JOIN scores USING (trace_id) WHERE scores.name = 'helpful' AND scores.value < 0.5 ORDER BY scores.value",
    ),
)
