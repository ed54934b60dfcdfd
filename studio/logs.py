"""Logging: one line an event on standard output, JSON for machines or text for people.

A JSON line starts with ``timestamp`` (ISO 8601, UTC), ``level`` and ``event``; what is bound to the context, such as
``request_id``, and the fields of the event follow. Records of libraries, which come through ``logging``, look the same.
"""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TextIO, cast

import orjson
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
    output = _Output(stream, _secrets_of(settings))
    render = _text_renderers(colours=stream.isatty()) if settings.log_format == "text" else _json_renderers()
    structlog.configure(
        processors=[*_shared_processors(), *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=partial(_Logger, output, settings.log_format == "json" and level <= logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(cast("TextIO", output))  # of which it uses no more than there is
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared_processors(),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def log_together(logger: str, event: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Log an event at level info once for each of some lines, which have their ``timestamp``.

    They look as if logged one by one, for a tenth of the time. No field is masked for its name, nor taken from the
    context.
    """
    output = structlog.get_config()["logger_factory"](logger)
    if isinstance(output, _Logger) and output.in_json:
        begin = {"timestamp": None, "level": "info", "event": event}
        output.msg("\n".join(_json({**begin, **line, "logger": logger}) for line in lines))
    else:
        for line in lines:
            structlog.get_logger(logger).info(event, **line)


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.MaybeTimeStamper(fmt="iso", utc=True),  # unless the event was earlier
        _mask_fields,
    ]


def _json_renderers() -> list[Processor]:
    return [structlog.processors.format_exc_info, _put_first, structlog.processors.JSONRenderer(_json)]


def _json(event: EventDict, default: Callable[[Any], Any] | None = None) -> str:
    """ASCII, whatever the encoding of the stream."""
    try:
        line = orjson.dumps(event, default).decode()
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits
        line = ""
    if line and line.isascii():
        return line
    return json.dumps(event, default=default, separators=(",", ":"))


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


class _Output:
    """Writes lines to a stream, without the studio's own secrets, wherever a library may have put them.

    A full disk, or a reader that is gone, costs the line and never the work that it tells of.
    """

    def __init__(self, stream: TextIO, secrets: tuple[str, ...]) -> None:
        self._stream = stream
        self._secrets = secrets
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        with self._lock, suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

    def flush(self) -> None:
        """There is nothing to do: every line is flushed as it is written."""


class _Logger:
    """Where structlog's finished lines go: past ``logging``, which takes several times as long as all the rest."""

    def __init__(self, output: _Output, in_json: bool, name: str = "") -> None:
        self.in_json = in_json  # and at level info
        self.name = name
        self._output = output

    def msg(self, line: str) -> None:
        self._output.write(line + "\n")

    debug = info = warning = error = critical = msg
