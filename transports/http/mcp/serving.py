"""The official package behind the route: the protocol in all of its versions, without sessions and without streams.

Loading this module loads that package.
"""

import logging
from functools import partial
from typing import Any

from aiohttp import web
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError

from transports.http.config import APP_NAME
from transports.http.framework.route import Call
from transports.http.mcp.bridge import answered
from transports.http.mcp.tools import TOOLS, allowed, answer

_NAME = "junjo-ai-studio"
_INSTRUCTIONS = (
    "Traces of LLM applications. Find traces with search_traces, read one with get_trace and its spans with get_span, "
    "add up with stats or run_sql, compare two runs of a workflow or an agent with compare_runs. Times are UTC, "
    "durations nanoseconds, costs US dollars; what is not known is left out. max_tokens bounds each answer."
)
_LONGEST_NAME = 100  # characters of an unknown tool's name that are said again

# It tells of each request, and warns of what clients send wrongly, which the access log has.
logging.getLogger("mcp").setLevel(logging.ERROR)


async def serve(call: Call[Any, Any], body: bytes) -> web.Response:
    """Answer one request. All of it is made for this request alone, so that no session can be left behind or taken."""
    server = Server[Any](
        _NAME,
        version=call.config.version,
        title=APP_NAME,
        instructions=_INSTRUCTIONS,
        get_tool_input_schema=lambda _: None,  # no argument is asked for in a header
        on_list_tools=partial(_list_tools, call),
        on_call_tool=partial(_call_tool, call),
    )
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
    async with manager.run():
        return await answered(call.request, body, manager.handle_request)


async def _list_tools(call: Call[Any, Any], _context: Any, _parameters: Any) -> types.ListToolsResult:  # noqa: ANN401 - see the package
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name=tool.name,
                title=tool.title,
                description=tool.description,
                input_schema=tool.schema,
                annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
            )
            for tool in allowed(call)
        ]
    )


async def _call_tool(
    call: Call[Any, Any],
    _context: Any,  # noqa: ANN401 - see the package
    asked: types.CallToolRequestParams,
) -> types.CallToolResult:
    tool = TOOLS.get(asked.name)
    if tool is None:
        raise MCPError(code=types.INVALID_PARAMS, message=f"Unknown tool: {asked.name[:_LONGEST_NAME]}")
    said = await answer(call, tool, asked.arguments or {})
    return types.CallToolResult(content=[types.TextContent(type="text", text=said.text)], is_error=said.is_error)
