"""The fields that a filter can name: one table, which is also what ``/observability/fields`` answers."""

from collections.abc import Mapping
from enum import Enum

import attrs

from actors.span_store.query.expression import COUNTED, DURATION, Promoted


class Kind(Enum):
    """What the values of a field are, and so how they are written."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"  # a number with a unit: ns us ms s m h
    MONEY = "money"  # US dollars
    TIME = "time"  # RFC 3339, or relative: now-1h
    BOOL = "bool"


_EQUAL, _ORDERED, _WORDS = (":",), (":", ":>", ":>=", ":<", ":<="), (":",)


@attrs.frozen(kw_only=True)
class FilterField:
    """A field of spans.

    ``codes`` are the numbers that words stand for, where the column has numbers. ``id_digits`` is the length of an id,
    of which the beginning is enough. ``values`` are all that there are, ``None`` for any.
    """

    name: str
    column: Promoted
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    description: str
    values: tuple[str, ...] | None = None
    codes: Mapping[str, int] | None = None
    id_digits: int | None = None
    until_end: bool = False  # nothing is known of it before the span ended

    @property
    def operators(self) -> tuple[str, ...]:
        """Those that it takes."""
        is_unordered = self.codes is not None or self.id_digits is not None or self.kind is Kind.BOOL
        return _EQUAL if is_unordered else _ORDERED


def _text(name: str, description: str, *aliases: str, column: str | None = None) -> FilterField:
    return FilterField(name=name, column=Promoted(column or name), aliases=aliases, description=description)


def _id(name: str, digits: int, description: str, *aliases: str) -> FilterField:
    described = f"{description}: {digits} hex digits, or the first of them"
    return FilterField(name=name, column=Promoted(name), aliases=aliases, description=described, id_digits=digits)


def _coded(name: str, column: str, description: str, *words: str) -> FilterField:
    codes = {word: number for number, word in enumerate(words)}
    return FilterField(name=name, column=Promoted(column), description=description, values=words, codes=codes)


def _tokens(name: str, description: str) -> FilterField:
    return FilterField(
        name=f"tokens.{name}", column=Promoted(f"{name}_tokens"), kind=Kind.NUMBER, description=description
    )


_TYPES = (
    *("llm", "embedding", "tool", "agent", "chain", "retriever", "reranker", "guardrail", "evaluator", "prompt"),
    *("workflow", "subflow", "node", "run_concurrent"),
)
FIELDS: tuple[FilterField, ...] = (
    _id("trace_id", 32, "Id of the trace", "trace"),
    _id("span_id", 16, "Id of the span", "span"),
    _id("parent_span_id", 16, "Id of the span around it; a root has none", "parent"),
    _text("service", "Name of the service that sent it", column="service_name"),
    _text("name", "Name of the span"),
    _coded("kind", "kind", "Kind of the span", "unspecified", "internal", "server", "client", "producer", "consumer"),
    attrs.evolve(_text("type", "What the span is, whatever library sent it"), values=_TYPES),
    FilterField(
        name="start_time",
        column=Promoted("start_time_unix_nano"),
        kind=Kind.TIME,
        aliases=("start", "time"),
        description="When it started",
    ),
    FilterField(
        name="end_time",
        column=Promoted("end_time_unix_nano"),
        kind=Kind.TIME,
        aliases=("end",),
        description="When it ended; a span that runs has none",
        until_end=True,
    ),
    FilterField(
        name="duration_ns",
        column=Promoted(DURATION),
        kind=Kind.DURATION,
        aliases=("duration",),
        description="From start to end; a span that runs has none",
        until_end=True,
    ),
    _coded("status", "status_code", "Status of the span", "unset", "ok", "error"),
    _text("status_message", "What the status says"),
    _text("error_type", "Type of the error or of the last exception", "error"),
    _text("model", "Model that answered, without its provider; else the one that was asked for"),
    _text("request_model", "Model that was asked for"),
    _text("provider", "Provider of the model, one word for each"),
    _tokens("input", "Tokens of the input, cached ones included"),
    _tokens("output", "Tokens of the output, reasoning included"),
    _tokens("cache_read", "Tokens that were read from a cache"),
    _tokens("cache_write", "Tokens that were written to a cache"),
    _tokens("reasoning", "Tokens of reasoning"),
    FilterField(
        name="cost_usd",
        column=Promoted("cost_usd"),
        kind=Kind.MONEY,
        aliases=("cost",),
        description="Cost of the call in US dollars",
    ),
    FilterField(
        name="counted",
        column=Promoted(COUNTED),
        kind=Kind.BOOL,
        description="Whether it stands for a model call: of several spans about one call, one does",
        values=("true", "false"),
    ),
    attrs.evolve(_text("cost_source", "Who says the cost"), values=("reported", "computed")),
    _text("session_id", "Conversation that it belongs to", "session"),
    _text("user_id", "User whom it is for", "user"),
    _text("agent", "Name of the agent"),
    _text("tool", "Name of the tool"),
    _text("finish_reason", "Why the model stopped: stop length tool_calls content_filter error, else as sent"),
    FilterField(
        name="time_to_first_token_ns",
        column=Promoted("time_to_first_token_ns"),
        kind=Kind.DURATION,
        aliases=("time_to_first_token", "ttft"),
        description="From start to the first token",
    ),
    _text("prompt_name", "Name of the prompt"),
    _text("prompt_version", "Version of the prompt"),
    _text("version", "Version of the service"),
    _text("environment", "Environment that the service runs in"),
)
# What stands before a dot and any key.
PREFIXES = ("attr", "resource", "event", "score")
BY_NAME: Mapping[str, FilterField] = {name: field for field in FIELDS for name in (field.name, *field.aliases)}
