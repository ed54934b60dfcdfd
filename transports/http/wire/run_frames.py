"""The frames of ``/llm/stream``, from the client and to it. Each is one JSON object in a text frame."""

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import attrs
import orjson

from actors.errors import InternalError, InvalidRequest, StudioError
from actors.playground.messages import Cancelled, Failed, Finished, RunEvent, RunNews, Started
from actors.playground.prompt import ToolCall, Usage
from actors.playground.providers.provider import ReasoningDelta, TextDelta
from transports.errors import wire_form
from transports.http.framework.error_answers import detail_of
from transports.http.framework.rules import Above, MaxLength, MinLength
from transports.http.framework.validation import structure_body
from transports.http.wire.completions import completion_document, usage_document
from transports.http.wire.prompts import AnyModelRequest, GenerateRequest, tool_call_document

RunId = Annotated[str, MinLength(1, "String should have at least 1 character"), MaxLength(128)]

NO_SEQ = 0  # of a frame that belongs to no run's log


@attrs.frozen(kw_only=True)
class RunFrame:
    """Request to begin a run."""

    run_id: RunId
    request: GenerateRequest


@attrs.frozen(kw_only=True)
class AnyModelRunFrame:
    """Request to begin a run, where models may have names of any form."""

    run_id: RunId
    request: AnyModelRequest


@attrs.frozen(kw_only=True)
class CancelFrame:
    """Request to cancel a run."""

    run_id: RunId


@attrs.frozen(kw_only=True)
class ResumeFrame:
    """Request to follow a run again, behind the last frame that arrived; 0 when none did."""

    run_id: RunId
    after: Annotated[int, Above(-1)]


ClientFrame = RunFrame | AnyModelRunFrame | CancelFrame | ResumeFrame


def parsed(text: str) -> dict[str, Any]:
    """Parse a frame as a JSON object; ``InvalidRequest`` otherwise."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("A frame must be JSON") from None
    if not isinstance(document, dict):
        raise InvalidRequest("A frame must be a JSON object")
    return document


def client_frame(document: dict[str, Any], *, any_openai_model: bool, large: bool = False) -> ClientFrame:
    """Validate a client's frame.

    ``InvalidRequest`` names all its faults, or the first one of a large frame.
    """
    kinds: dict[str, type[ClientFrame]] = {
        "run": AnyModelRunFrame if any_openai_model else RunFrame,
        "cancel": CancelFrame,
        "resume": ResumeFrame,
    }
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise InvalidRequest(f"The type of a frame must be one of: {', '.join(sorted(kinds))}")
    return structure_body(document, kinds[kind], large=large)


def run_id_in(document: dict[str, Any]) -> str | None:
    """The run id of a faulty frame, where that much can be read."""
    run_id = document.get("run_id")
    return run_id if isinstance(run_id, str) else None


def event_frame(run_id: str, event: RunEvent) -> str:
    """Serialise one entry of a run's log."""
    kind, members = _NEWS[type(event.news)]
    return orjson.dumps({"type": kind, "run_id": run_id, "seq": event.seq, **members(event.news)}).decode()


def failure_frame(run_id: str | None, error: StudioError) -> str:
    """Serialise the refusal of a client's frame. A run of that name, if there is one, is unaffected."""
    return json.dumps({"type": "failed", "run_id": run_id, "seq": NO_SEQ, **_failure(error)})


def _finished(news: Finished) -> dict[str, Any]:
    result = news.result
    return {
        "response": completion_document(result.completion),
        "trace_id": result.trace_id,
        "cost": result.cost,
        "time_to_first_token": result.time_to_first_token,
        "tokens_per_second": result.tokens_per_second,
    }


def _cancelled(news: Cancelled) -> dict[str, Any]:
    return {
        "reason": news.reason.value,
        "usage": _usage(news.usage),
        "estimated": news.estimated,
        "cost": news.cost,
    }


def _usage(usage: Usage) -> dict[str, int]:
    return {
        **usage_document(usage),
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _failure(error: StudioError) -> dict[str, Any]:
    """The same detail as over REST, with the status that it would have there."""
    retry = {} if error.retry_after is None else {"retry_after": error.retry_after}
    detail = "Internal Server Error" if isinstance(error, InternalError) else detail_of(error)
    return {"status": wire_form(error).http, "detail": detail, **retry}


_NEWS: Final[Mapping[type[RunNews], tuple[str, Callable[[Any], Mapping[str, Any]]]]] = {
    Started: ("started", attrs.asdict),
    TextDelta: ("delta", lambda news: {"text": news.text}),
    ReasoningDelta: ("delta", lambda news: {"reasoning": news.text}),
    ToolCall: ("tool_call", tool_call_document),
    Usage: ("usage", _usage),
    Finished: ("finished", _finished),
    Cancelled: ("cancelled", _cancelled),
    Failed: ("failed", lambda news: _failure(news.error)),
}
