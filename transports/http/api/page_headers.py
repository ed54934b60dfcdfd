"""The next page of a list whose body is a plain array, as clients expect it: it is named in headers."""

from aiohttp import web

from actors.span_store.messages import Cursor
from transports.http.wire.cursor_text import cursor_text


def next_page(request: web.Request, after: Cursor | None) -> tuple[tuple[str, str], ...]:
    """The headers; none on the last page."""
    if after is None:
        return ()
    cursor = cursor_text(after)
    target = request.rel_url.update_query(after=cursor)
    return ("Link", f'<{target.raw_path_qs}>; rel="next"'), ("X-Next-Cursor", cursor)
