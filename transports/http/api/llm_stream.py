"""``/llm/stream``: runs over a WebSocket. docs/playground.md describes its frames."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from actors.errors import Forbidden
from actors.key_registry.messages import VerifyKey
from actors.principal import Scope
from transports.api_key import key_in
from transports.http.api.run_socket import RunSocket
from transports.http.framework.access import session_of
from transports.http.framework.app_keys import SOCKETS
from transports.http.framework.json_body import MOST_PROMPT_BYTES
from transports.http.framework.origin import require_origin
from transports.http.framework.route import Access, Call, Route

_MOST_FRAME_BYTES = MOST_PROMPT_BYTES + 4096  # a request, and the frame around it


async def stream_runs(call: Call[None, None]) -> web.StreamResponse:
    require_origin(call.request, with_key=call.session is None)
    socket = web.WebSocketResponse(heartbeat=call.config.play.heartbeat_seconds, max_msg_size=_MOST_FRAME_BYTES)
    await socket.prepare(call.request)
    runs = RunSocket(socket, call.bus, call.by, call.config.play, _still_signed_in(call))
    with call.request.app[SOCKETS].with_one(socket):
        await runs.serve()
    return socket


def _still_signed_in(call: Call[None, None]) -> Callable[[], Awaitable[bool]]:
    """Make the check whether the caller is still signed in.

    It runs before each frame is obeyed, and keeps a session alive that is used over its socket only.
    """

    async def session_lives() -> bool:
        return await session_of(call.request, call.bus) is not None

    async def key_lives() -> bool:
        key = await call.bus.ask(VerifyKey(secret=key_in(call.request.headers) or ""))
        return key is not None and Scope.PLAY in key.scopes

    return key_lives if call.session is None else session_lives


ROUTES = (
    Route(
        method="GET",
        path="/llm/stream",
        handler=stream_runs,
        access=Access.SESSION_OR_PLAY_KEY,
        answers=None,
        status=101,
        errors=(Forbidden,),
        tag="playground",
        summary="Run prompts over a WebSocket, several at once",
    ),
)
