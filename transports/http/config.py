"""Configuration of the HTTP side. The composition root fills it from the settings."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import attrs

from actors.runtime.budget import Budget
from transports.connection_limits import DEFAULT
from transports.http.framework.request_tracer import RequestTracer
from transports.inflate import DEFAULT_LIMIT
from transports.key_rate import KeyRate
from transports.misdirected_exporters import MisdirectedExporters
from transports.otlp.decoder import Decoder

APP_NAME = "Junjo AI Studio"

_LIVE_SOCKETS = 256
_ANSWERS = 256 * 1024 * 1024  # bytes
TOO_MANY_ANSWERS = "Too many large answers are being made at once"

# Logs an event once for each line; the lines have their timestamps. Takes the logger's name, the event and the lines.
LogTogether = Callable[[str, str, Sequence[Mapping[str, Any]]], None]


@attrs.frozen(kw_only=True)
class PlayConfig:
    """Configuration of the playground's routes.

    ``any_openai_model`` allows model names of any form behind ``openai/``, as servers under another base URL have them.
    """

    any_openai_model: bool = False
    run_seconds: float = 600.0  # the longest run, and so the longest answer
    runs_per_socket: int = 32  # at once
    heartbeat_seconds: float = 20.0  # a socket that does not answer a ping within half of it is dead


@attrs.frozen(kw_only=True)
class LiveConfig:
    """Configuration of the sockets that follow what comes in."""

    sockets: Budget = attrs.field(
        factory=lambda: Budget(_LIVE_SOCKETS, refusal="Too many sockets follow what comes in", shortest_retry=5.0)
    )
    heartbeat_seconds: float = 20.0  # a socket that does not answer a ping within half of it is dead


@attrs.frozen(kw_only=True)
class HttpConfig:
    """Configuration of the HTTP side.

    ``frontend_url`` and ``backend_url`` are the public addresses in production, ``None`` in development.
    """

    version: str
    environment: str  # "development" or "production"
    otlp_endpoint: str  # where SDKs send spans, as shown to users
    frontend_url: str | None
    backend_url: str | None
    allow_origins: tuple[str, ...]  # exact origins of pages that may call with the session cookie
    secure_cookies: bool
    allowed_hosts: tuple[str, ...] = ()  # valid names in Host headers, besides localhost and the public ones
    setup_code: str | None = attrs.field(default=None, repr=False)  # for the first user; ``None`` demands none
    production: bool = False  # the first user needs the code in any case, and HSTS is sent
    strict_passwords: bool = False  # new passwords are checked by the strict rules
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()  # whose headers about the client are trusted
    pulls_spans: bool = False  # from an external ingestion service, whose state /health/details then shows
    otlp_budget: Budget  # for bodies of authorised clients; shared with the gRPC receiver
    key_rate: KeyRate | None = None  # of spans; shared with gRPC
    decoder: Decoder = attrs.field(factory=Decoder)  # inflates and decodes large OTLP requests
    anonymous_budget: Budget = attrs.field(factory=lambda: Budget(DEFAULT.anonymous_bytes))  # for public routes
    # Budget of the bytes of large answers with spans, while they are read, rendered and sent.
    answers: Budget = attrs.field(factory=lambda: Budget(_ANSWERS, refusal=TOO_MANY_ANSWERS))
    max_request_bytes: int = DEFAULT_LIMIT  # of one OTLP request, before and after inflation
    play: PlayConfig = PlayConfig()
    live: LiveConfig = attrs.field(factory=LiveConfig)
    misdirected: MisdirectedExporters = attrs.field(factory=MisdirectedExporters)  # shared with gRPC
    tracer: RequestTracer | None = None  # of the requests themselves
    log_together: LogTogether | None = None  # writes the lines of requests; None is one by one
    body_seconds: float = 60.0  # a client that has not sent its whole body by then is answered 408
    answer_seconds: float = 10.0  # that a large answer waits for its turn
    stall_seconds: float = 60.0  # a download of which no 64 KB are taken for so long is cut off
