"""Logging: one line an event on standard output, JSON for machines or text for people.

A JSON line starts with ``timestamp`` (ISO 8601, UTC), ``level`` and ``event``; what is bound to the context, such as
``request_id``, and the fields of the event follow. Records of libraries take the same road.
"""

import io
import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from studio.settings import Settings, declared_variables

FIRST_FIELDS = ("timestamp", "level", "event", "request_id")
MASK = "***"
# Names of fields that never have a value worth reading.
SECRET_FIELDS = frozenset(
    {"api_key", "authorization", "cookie", "key", "password", "secret", "session_secret", "set_cookie", "token"}
)
# A shorter secret would also be found inside ordinary words, and hides nothing worth hiding.
LEAST_SECRET = 8
# At debug level these describe each byte of HTTP/2 and each poll of the loop.
TALKATIVE = ("asyncio", "hpack")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send what structlog and the standard library log to a stream, by default the standard output."""
    stream = stream or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a line is written whatever a client put into it
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*_shared_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(settings, colours=stream.isatty()))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def _formatter(settings: Settings, *, colours: bool) -> logging.Formatter:
    render = _text_renderers(colours=colours) if settings.log_format == "text" else _json_renderers()
    return _WithoutSecrets(
        _secrets_of(settings),
        foreign_pre_chain=_shared_processors(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_fields,
    ]


def _json_renderers() -> list[Processor]:
    return [structlog.processors.format_exc_info, _put_first, structlog.processors.JSONRenderer()]


def _text_renderers(*, colours: bool) -> list[Processor]:
    # The plain traceback: others print local variables, and those hold passwords and keys.
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]


def _mask_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in SECRET_FIELDS.intersection(event):
        event[name] = MASK
    return event


def _put_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: event[name] for name in FIRST_FIELDS if name in event} | dict(event)


def _secrets_of(settings: Settings) -> tuple[str, ...]:
    values = (getattr(settings, field) for field, declared in declared_variables().items() if declared.secret)
    return tuple(value for value in values if isinstance(value, str) and len(value) >= LEAST_SECRET)


class _WithoutSecrets(structlog.stdlib.ProcessorFormatter):
    """Takes the studio's own secrets out of a finished line, wherever a library may have put them."""

    def __init__(self, secrets: tuple[str, ...], **more: Any) -> None:  # noqa: ANN401 - the parent checks them
        super().__init__(**more)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        return line
