"""CORS: which pages may call, answered as the reference's Starlette middleware does (contract, section 4).

A page of a denied origin still gets the body of a simple request: it is the browser that keeps it from the page.
"""

from aiohttp import web

from transports.http.config import HttpConfig
from transports.http.framework.app_keys import CONFIG

_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_EXPOSED = "x-request-id, x-trace-id, link, x-next-cursor"


def preflight_answer(request: web.Request) -> web.Response | None:
    """Answer an OPTIONS request that is a preflight, whatever its path; ``None`` for any other request."""
    asked = request.headers.get("Access-Control-Request-Method")
    if asked is None or "Origin" not in request.headers:
        return None
    faults = [] if _allowed(request) else ["origin"]
    if asked not in _METHODS.split(", "):
        faults.append("method")
    text = "Disallowed CORS " + ", ".join(faults) if faults else "OK"
    headers = {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Max-Age": "600"}
    wanted = request.headers.get("Access-Control-Request-Headers")
    if wanted is not None:
        headers["Access-Control-Allow-Headers"] = wanted
    return web.Response(status=400 if faults else 200, text=text, headers=headers)


def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the CORS headers to an answer for a page, that is a request with an ``Origin``."""
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    if _allowed(request):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]


def _allowed(request: web.Request) -> bool:
    config: HttpConfig = request.app[CONFIG]
    return request.headers["Origin"] in config.allow_origins
