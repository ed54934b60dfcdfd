"""Traces of the requests themselves, where somebody wants them."""

from contextlib import AbstractContextManager
from typing import Protocol

import attrs
from aiohttp import web

# Their traces would be about nothing but themselves, or are asked for by machines every few seconds.
_UNTRACED = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics", "/health", "/ping", "/metrics"})
_FILES = "/console"  # of which one page loads dozens, and no actor is asked
_NOWHERE = "(no route)"
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


@attrs.define
class TracedAnswer:
    """What is known of a request in the end; ``status`` is ``None`` when its client left before there was one."""

    status: int | None = None


class RequestTracer(Protocol):
    def answering(self, method: str, route: str) -> AbstractContextManager[TracedAnswer]:
        """Be around one request. ``route`` is the path with names in place of its parts."""


def is_traced(request: web.Request) -> bool:
    return request.path not in _UNTRACED and not request.path.startswith(_FILES)


def method_of(request: web.Request) -> str:
    """The method, or ``_OTHER`` as OpenTelemetry has it: a client may send any word."""
    return request.method if request.method in _METHODS else "_OTHER"


def route_of(request: web.Request) -> str:
    """The route that the request found: paths themselves may have keys in them."""
    resource = request.match_info.route.resource
    return _NOWHERE if resource is None else resource.canonical
