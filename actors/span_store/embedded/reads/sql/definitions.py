"""What the columns of the views are made of, in the SQL of the index and in that of the sandbox."""

from collections.abc import Mapping
from typing import Final

from actors.span_store.asked.sql_views import VIEWS, SqlView

BY_NAME: Final[Mapping[str, SqlView]] = {view.name: view for view in VIEWS}
# What each row has, for a statement that only counts them.
PRESENT: Final = "present"
# Where whole spans are, in the rows of the index.
PLACES: Final = ("segment", "position")
# What is read of the spans themselves, row by row.
BODIES: Final[Mapping[str, frozenset[str]]] = {
    "spans": frozenset({"status_message", "input_preview", "output_preview", "attributes", "resource"}),
    "calls": frozenset({"status_message", "input_preview", "output_preview", "attributes", "resource"}),
    "traces": frozenset({"input_preview", "output_preview"}),
    "logs": frozenset(column.name for column in BY_NAME["logs"].columns) - {"trace_id", "span_id", "service"},
}
_LAST: Final = 2**63 - 2  # nanoseconds that a TIMESTAMP_NS can be


def _time(column: str) -> str:
    return f"CASE WHEN {column} BETWEEN 1 AND {_LAST:d} THEN make_timestamp_ns({column}::BIGINT) END"


def _word(column: str, words: tuple[str, ...]) -> str:
    """The first one stands for numbers that OTLP does not know."""
    cases = " ".join(f"WHEN {number:d} THEN '{word}'" for number, word in enumerate(words) if number)
    return f"CASE {column} {cases} ELSE '{words[0]}' END"


_DURATION = (
    "CASE WHEN end_time_unix_nano = 0 THEN NULL WHEN end_time_unix_nano > start_time_unix_nano "
    "THEN try_cast(end_time_unix_nano - start_time_unix_nano AS BIGINT) ELSE 0 END"
)
_OTHERWISE: Final[Mapping[str, str]] = {
    PRESENT: "TRUE",
    "service": "service_name",
    "kind": _word("kind", ("unspecified", "internal", "server", "client", "producer", "consumer")),
    "start_time": _time("start_time_unix_nano"),
    "end_time": _time("end_time_unix_nano"),
    "duration_ns": _DURATION,
    "status": _word("status_code", ("unset", "ok", "error")),
}
_OF_LOGS: Final[Mapping[str, str]] = {PRESENT: "TRUE", "service": "service_name", "span_id": "parent_span_id"}


def indexed(view: str, column: str) -> str:
    """The expression of a column that the index has, over its rows."""
    return (_OF_LOGS if view == "logs" else _OTHERWISE).get(column, column)


_IS_ROOT = "parent_span_id IS NULL"
_BY_START = ("start_time", "span_id")


def _first(column: str, where: str) -> str:
    """The value in the earliest span of some."""
    return f"(min(struct_pack(s := start_time, i := span_id, v := {column})) FILTER ({where})).v"


def _known(column: str) -> str:
    return f"coalesce({_first(column, _IS_ROOT)}, {_first(column, f'{column} IS NOT NULL')})"


def _listed(column: str, where: str = "TRUE") -> str:
    return f"coalesce(min(DISTINCT {column}, 20) FILTER ({where}), []::VARCHAR[])"


def _sum(column: str) -> str:
    total = f"sum({column}) FILTER (counted)"
    return f"CASE WHEN {total} < {2**63:d}::HUGEINT THEN {total}::BIGINT END"


_ROOT = ("parent_span_id", *_BY_START)
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
# Of each column of ``traces``: how it is summed up, and from which columns of ``spans``.
TRACES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "trace_id": ("trace_id", ()),
    "name": (f"coalesce({_first('name', _IS_ROOT)}, {_first('name', 'TRUE')})", ("name", *_ROOT)),
    "service": (f"coalesce({_first('service', _IS_ROOT)}, {_first('service', 'TRUE')})", ("service", *_ROOT)),
    "services": (_listed("service"), ("service",)),
    "start_time": ("min(start_time)", ("start_time",)),
    "end_time": ("max(end_time)", ("end_time",)),
    "duration_ns": ("greatest(0, epoch_ns(max(end_time)) - epoch_ns(min(start_time)))", ("start_time", "end_time")),
    "span_count": ("count(*)", ()),
    "error_count": ("count(*) FILTER (status = 'error')", ("status",)),
    "status": (
        f"if({_first('status', _IS_ROOT)} = 'error' OR bool_or(counted AND status = 'error'), 'error', 'ok')",
        ("status", "counted", *_ROOT),
    ),
    "complete": (f"{_first('end_time', _IS_ROOT)} IS NOT NULL", ("end_time", *_ROOT)),
    "llm_calls": ("count(*) FILTER (counted)", ("counted",)),
    "models": (_listed("model", "counted"), ("model", "counted")),
    **{name: (_sum(name), (name, "counted")) for name in _TOKENS},
    "cost_usd": (
        "CASE WHEN count(cost_usd) FILTER (counted) > 0 THEN fsum(cost_usd) FILTER (counted) END",
        ("cost_usd", "counted"),
    ),
    "unpriced": ("count(*) FILTER (counted AND cost_usd IS NULL)", ("cost_usd", "counted")),
    "session_id": (_known("session_id"), ("session_id", *_ROOT)),
    "user_id": (_known("user_id"), ("user_id", *_ROOT)),
    "agents": (_listed("agent"), ("agent",)),
    "tools": (_listed("tool"), ("tool",)),
    "input_preview": (_first("input_preview", _IS_ROOT), ("input_preview", "type", *_ROOT)),
    "output_preview": (_first("output_preview", _IS_ROOT), ("output_preview", "type", *_ROOT)),
}


def stored_name(view: str) -> str:
    """How the rows are called that a view of the sandbox is made of."""
    return f"{view}_stored"


def view_statement(view: SqlView, wanted: frozenset[str]) -> str:
    """What makes the view. Columns that nobody asks for are there, and nothing is read for them."""
    columns = ", ".join(
        f"{_made(view.name, column.name) if column.name in wanted else f'NULL::{column.type}'} AS {column.name}"
        for column in view.columns
    )
    grouped = " GROUP BY trace_id" if view.name == "traces" else ""
    return f"CREATE VIEW {view.name} AS SELECT {columns} FROM {stored_name(view.name)}{grouped}"  # noqa: S608 - own names


def _made(view: str, column: str) -> str:
    return TRACES[column][0] if view == "traces" else column


def read_for(view: str, wanted: frozenset[str]) -> tuple[str, ...]:
    """The columns of rows that columns of a view need, one at least."""
    if view == "traces":
        return tuple(sorted({"trace_id", *(need for name in wanted for need in TRACES[name][1])}))
    return tuple(sorted(wanted)) or (PRESENT,)
