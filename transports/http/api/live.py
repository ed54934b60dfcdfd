"""``/api/v1/live``: what comes in, over a WebSocket. docs/live.md describes its frames."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from actors.errors import Forbidden, Overloaded
from actors.key_registry.messages import VerifyKey
from actors.principal import Scope
from transports.api_key import key_in
from transports.http.api.live_socket import LiveSocket
from transports.http.framework.access import session_of
from transports.http.framework.app_keys import SOCKETS
from transports.http.framework.origin import require_origin
from transports.http.framework.route import Access, Call, Route

_MOST_FRAME_BYTES = 64 * 1024


async def follow(call: Call[None, None]) -> web.StreamResponse:
    require_origin(call.request, with_key=call.session is None)
    config = call.config.live
    with config.sockets.reserve() as place:
        place.grow(1)
        socket = web.WebSocketResponse(
            heartbeat=config.heartbeat_seconds, max_msg_size=_MOST_FRAME_BYTES, compress=False
        )
        await socket.prepare(call.request)
        with call.request.app[SOCKETS].with_one(socket):
            await LiveSocket(socket, call.bus, call.by, _still_signed_in(call)).serve()
    return socket


def _still_signed_in(call: Call[None, None]) -> Callable[[], Awaitable[bool]]:
    """Make the check whether the caller is still signed in, which runs before each frame is obeyed."""

    async def session_lives() -> bool:
        return await session_of(call.request, call.bus) is not None

    async def key_lives() -> bool:
        key = await call.bus.ask(VerifyKey(secret=key_in(call.request.headers) or ""))
        return key is not None and Scope.READ in key.scopes

    return key_lives if call.session is None else session_lives


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/live",
        handler=follow,
        access=Access.SESSION_OR_READ_KEY,
        answers=None,
        status=101,
        only_known=True,
        errors=(Forbidden, Overloaded),
        tag="observability",
        summary="Follow spans and traces over a WebSocket as they come in",
    ),
)
