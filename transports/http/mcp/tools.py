"""The tools that agents have, and their calls: arguments checked, answers and errors as text."""

import json
from collections.abc import Mapping
from typing import Any

import attrs
import structlog

from actors.errors import Forbidden, InternalError, StudioError
from transports.errors import wire_form
from transports.http.framework.app_keys import CALLERS_KEY, REQUEST_STATE
from transports.http.framework.error_answers import detail_of
from transports.http.framework.route import Call
from transports.http.framework.score_filters import has_filter, without_scores
from transports.http.framework.validation import structure_arguments
from transports.http.mcp import finding, reading, runs, statements, sums
from transports.http.mcp.fitting import Cut, shortened
from transports.http.mcp.tool import Question, Tool, ToolCall

log = structlog.get_logger(__name__)

TOOLS: Mapping[str, Tool] = {
    tool.name: tool for tool in (*finding.TOOLS, *reading.TOOLS, *sums.TOOLS, *statements.TOOLS, *runs.TOOLS)
}
# Of an error: what was sent is not said again, it may be a megabyte.
_BRIEF = Cut(500, 20, 4)
_MASKED = "Internal Server Error"


@attrs.frozen(kw_only=True)
class Answer:
    """What a tool says: JSON text."""

    text: str
    is_error: bool = False


def allowed(call: Call[Any, Any]) -> tuple[Tool, ...]:
    """The tools that the caller may call."""
    return tuple(tool for tool in TOOLS.values() if _may_call(call, tool))


async def answer(call: Call[Any, Any], tool: Tool, arguments: Mapping[str, Any]) -> Answer:
    """Call a tool. What goes wrong is an answer, too: whoever asked may ask otherwise."""
    try:
        _demand_scope(call, tool)
        return Answer(text=(await _run(call, tool, arguments)).decode())
    except StudioError as error:
        return _failed(call, error)
    except Exception:
        log.exception("unhandled error", tool=tool.name)
        return _failed(call, InternalError(_MASKED))


def _may_call(call: Call[Any, Any], tool: Tool) -> bool:
    return call.session is not None or tool.scope in call.request[CALLERS_KEY].scopes


def _demand_scope(call: Call[Any, Any], tool: Tool) -> None:
    if not _may_call(call, tool):
        raise Forbidden(f"This key lacks the scope {tool.scope.value}")


async def _run(call: Call[Any, Any], tool: Tool, arguments: Mapping[str, Any]) -> bytes:
    structured: Any = structure_arguments(arguments, tool.arguments)
    if has_filter(tool.arguments):
        structured = await without_scores(call.bus, structured)
    question = Question.of(tool.name, arguments)
    return await tool.run(ToolCall(call=call, arguments=structured, question=question))


def _failed(call: Call[Any, Any], error: StudioError) -> Answer:
    """The status and the detail that the same error has over REST."""
    document: dict[str, Any] = {"status": wire_form(error).http}
    if isinstance(error, InternalError):
        document |= {"detail": _MASKED, "request_id": call.request[REQUEST_STATE].request_id}
    else:
        document["detail"] = shortened(_detail(error), _BRIEF)
    if error.retry_after is not None:
        document["retry_after"] = error.retry_after
    return Answer(text=json.dumps(document, ensure_ascii=False), is_error=True)


def _detail(error: StudioError) -> str | list[dict[str, Any]]:
    detail = detail_of(error)
    if isinstance(detail, str):
        return detail
    return [{"type": each["type"], "loc": ["arguments", *each["loc"][1:]], "msg": each["msg"]} for each in detail]
