"""Unknown paths and methods, answered as the reference's Starlette router does (contract, section 1)."""

from aiohttp import web

from transports.http.framework.app_keys import CONFIG
from transports.http.framework.clients import scheme_and_host
from transports.http.framework.forwarded import is_host


async def slashless_url(request: web.Request) -> str | None:
    """Absolute URL of the same path without its trailing slashes; ``None`` where no route has it."""
    path = request.rel_url.raw_path
    bare = path.rstrip("/")
    if bare in ("", path):
        return None
    match = await request.app.router.resolve(request.clone(rel_url=request.rel_url.with_path(bare, encoded=True)))
    if isinstance(match.http_exception, web.HTTPNotFound):
        return None
    query = request.rel_url.raw_query_string
    return _public_url(request) + bare + (f"?{query}" if query else "")


def _public_url(request: web.Request) -> str:
    """Scheme and host of this studio's URLs for the client; "" (a relative URL) when the Host header is odd."""
    config = request.app[CONFIG]
    if config.backend_url is not None:
        return config.backend_url
    scheme, host = scheme_and_host(request, config.trusted_proxies)
    return f"{scheme}://{host}" if is_host(host) else ""


async def allowed_method(request: web.Request) -> str:
    """The method of the first route that has this path. Starlette names no others."""
    for resource in request.app.router.resources():
        _, allowed = await resource.resolve(request)
        if allowed:
            return next(iter(resource)).method
    return ""
