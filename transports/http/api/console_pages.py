"""Routes of the console: one page for all of its addresses, and the files that this page loads.

They are no API: the document does not list them. Everybody may load them, for whoever is to sign in needs them.
"""

import asyncio
import re
from typing import Final

from aiohttp import web
from aiohttp.hdrs import (
    ACCEPT_ENCODING,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_SECURITY_POLICY,
    CONTENT_TYPE,
    COOKIE,
    ETAG,
    LOCATION,
    VARY,
)

from actors.errors import NotFound
from transports.http.framework.app_keys import CONSOLE
from transports.http.framework.compression import accepts_gzip
from transports.http.framework.console_files import ConsoleFile
from transports.http.framework.etag import is_known, not_modified, tag_of
from transports.http.framework.path_ids import ids_of
from transports.http.framework.route import Call, Route
from transports.http.framework.session_cookie import cookies_in

ADDRESS: Final = "/console/"
# No text of a span can become markup or a script, and nothing can be asked of another host: decision 0053.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_EXECUTION: Final = "{service}/{trace_id}/{span_id}"  # as `execution-resolution` and `agent-executions` tell it
# The list without a filter, as pages/traces.js asks for it: tests/console/test_console_shell.py holds both together.
_FIRST_LIST: Final = "/api/v1/observability/traces?limit=50"
_TRACE: Final = re.compile(r"traces/([0-9a-f]{32})")
_SCRIPT: Final = b'    <script type="module"'
_FOR_GOOD: Final = "public, max-age=31536000, immutable"


async def to_console(_: Call[None, None]) -> web.Response:
    return web.Response(status=308, headers={LOCATION: ADDRESS})


async def to_run(call: Call[None, None]) -> web.Response:
    """Lead from the path that the evidence of an execution names to the run."""
    ids = ids_of(call)
    failure = "?view=failure" if call.request.query.get("view") == "failure" else ""
    return _lead_to(f"workflows/{ids['trace_id']}/{ids['span_id']}{failure}")


async def to_span(call: Call[None, None]) -> web.Response:
    """Lead from the path that evidence names to the span in its trace."""
    ids = ids_of(call)
    return _lead_to(f"traces/{ids['trace_id']}?span={ids['span_id']}")


def _lead_to(place: str) -> web.Response:
    return web.Response(status=303, headers={LOCATION: f"{ADDRESS}{place}"})


async def console_page(call: Call[None, None]) -> web.Response:
    """The page, which finds out itself what its address shows; its lines say what the browser will need for that."""
    console = await asyncio.to_thread(call.request.app[CONSOLE].latest)
    page = _asking(console.page(call.path("page")), _first_question(call.request, call.path("page")))
    tag = tag_of(page.body)
    headers = _headers("no-cache") | {ETAG: tag, VARY: f"{ACCEPT_ENCODING}, {COOKIE}"}
    if is_known(call.request, tag):
        return not_modified(headers)
    return _response(call.request, page, headers)


def _first_question(request: web.Request, path: str) -> str | None:
    """What a page asks of the API first, where that is seen in its address. Who is not signed in asks nothing."""
    if not cookies_in(request):
        return None
    trace = _TRACE.fullmatch(path)
    if trace is not None:
        return f"/api/v1/observability/traces/{trace[1]}/outline"
    return _FIRST_LIST if path in ("", "traces") and not request.query_string else None


def _asking(page: ConsoleFile, question: str | None) -> ConsoleFile:
    """The page with a line that lets the browser ask while modules come."""
    if question is None:
        return page
    line = f'    <link rel="preload" href="{question}" as="fetch" crossorigin>\n'
    return ConsoleFile(page.content_type, page.body.replace(_SCRIPT, line.encode() + _SCRIPT))


async def console_file(call: Call[None, None]) -> web.Response:
    """A file, for as long as its hash is that of the console."""
    files = call.request.app[CONSOLE]
    console = files.served()
    if console is None:
        console = await asyncio.to_thread(files.latest)
    hashed, _, name = call.path("file").partition("/")
    found = console.files.get(name) if hashed == console.hash else None
    if found is None:
        raise NotFound("The console has no such file")
    return _response(call.request, found, _headers(_FOR_GOOD))


def _headers(caching: str) -> dict[str, str]:
    return {CACHE_CONTROL: caching, CONTENT_SECURITY_POLICY: POLICY, VARY: ACCEPT_ENCODING}


def _response(request: web.Request, file: ConsoleFile, headers: dict[str, str]) -> web.Response:
    headers[CONTENT_TYPE] = file.content_type
    if not accepts_gzip(request.headers):
        return web.Response(body=file.body, headers=headers)
    return web.Response(body=file.compressed(), headers={**headers, CONTENT_ENCODING: "gzip"})


ROUTES = tuple(
    Route(
        method=method,
        path=path,
        rest=path.startswith(ADDRESS),
        handler=handler,
        answers=None,
        listed=False,
        tag="console",
        summary=summary,
    )
    for path, handler, summary in (
        ("/console", to_console, "Lead to the console"),
        ("/console/-/{file}", console_file, "A file of the console"),
        ("/console/{page}", console_page, "The console"),
        (f"/workflows/{_EXECUTION}", to_run, "Lead to a run, by the path in its evidence"),
        (f"/agents/{_EXECUTION}", to_run, "Lead to a run, by the path in its evidence"),
        (f"/traces/{_EXECUTION}", to_span, "Lead to a span, by the path in its evidence"),
    )
    for method in ("GET", "HEAD")
)
