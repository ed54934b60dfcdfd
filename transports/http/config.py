"""What the HTTP side has to know. The composition root fills it from the settings."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import attrs

from transports.byte_budget import ByteBudget
from transports.connection_limits import DEFAULT
from transports.inflate import DEFAULT_LIMIT

APP_NAME = "Junjo AI Studio"

# Logs an event once for each of some lines, which have their timestamps. Takes the logger's name, event and lines.
LogTogether = Callable[[str, str, Sequence[Mapping[str, Any]]], None]


@attrs.frozen(kw_only=True)
class PlayConfig:
    """What the playground's routes have to know.

    ``any_openai_model`` allows model names of any form behind ``openai/``, as servers under another base URL have them.
    """

    any_openai_model: bool = False
    run_seconds: float = 600.0  # the longest run, and so the longest answer
    runs_per_socket: int = 32  # at once
    heartbeat_seconds: float = 20.0  # a socket that does not answer a ping within half of it is dead


@attrs.frozen(kw_only=True)
class HttpConfig:
    """``frontend_url`` and ``backend_url`` are the public addresses in production, ``None`` in development."""

    version: str
    environment: str  # "development" or "production"
    otlp_endpoint: str  # where SDKs send spans, as shown to users
    frontend_url: str | None
    backend_url: str | None
    allow_origins: tuple[str, ...]  # exact origins of pages that may call with the session cookie
    secure_cookies: bool
    pulls_spans: bool = False  # from an external ingestion service, whose state /health then shows
    otlp_budget: ByteBudget  # shared with the gRPC receiver
    strangers: ByteBudget = attrs.field(factory=lambda: ByteBudget(DEFAULT.strangers))  # for what no key is asked for
    decoder: Executor | None = None  # inflates and decodes large OTLP requests; None is the loop's own
    max_request_bytes: int = DEFAULT_LIMIT  # of one OTLP request, before and after inflation
    play: PlayConfig = PlayConfig()
    log_together: LogTogether | None = None  # writes the lines of requests; None is one by one
    body_seconds: float = 60.0  # a client that has not sent its whole body by then is answered 408
