"""Logging: one line an event on standard output, JSON for machines or text for people.

A JSON line starts with ``timestamp`` (ISO 8601, UTC), ``level`` and ``event``; the fields of the context, such as
``request_id``, and of the event follow. Records of libraries, which come through ``logging``, look the same.
"""

import base64
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from studio.log_repeats import Repeats
from studio.log_text import text_renderers
from studio.log_writer import LogWriter, unbuffered
from studio.settings import Settings, declared_variables
from transports.masking import MASK, is_secret_name, without_keys

FIRST_FIELDS = ("timestamp", "level", "event", "request_id")
# A shorter secret would also be found inside ordinary words, and hides nothing worth hiding.
LEAST_SECRET = 8
# How long the end of the process waits for the reader of the log.
_CLOSING_SECONDS = 2.0
# At debug level these describe each byte of HTTP/2 and each poll of the loop.
TALKATIVE = ("asyncio", "hpack")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the lines of structlog and the standard library to a stream, by default the standard output."""
    stream = stream or sys.stdout
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    in_json = settings.log_format == "json"
    render = _json_renderers() if in_json else text_renderers(colours=stream.isatty())
    output = _Output(stream, tuple(_secrets_of(settings)), render)
    repeats = Repeats()
    structlog.configure(
        processors=[*_shared_processors(), repeats.of_structlog, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=partial(_Logger, output, in_json and level <= logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(output)
    handler.addFilter(repeats.of_library)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder({"repeated"}), *_shared_processors()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.INFO))


def log_lost_faults() -> None:
    """Log the faults that Python writes to standard error otherwise, whose reader may block the whole process."""
    sys.unraisablehook, threading.excepthook = _log_unraisable, _log_of_thread


def finish_logging() -> None:
    """Write the lines that wait, if they are read soon. Afterwards nothing is logged any more."""
    logging.shutdown()


def log_together(logger: str, event: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Log an event at level info once for each line, which has its own ``timestamp``.

    The lines look as if logged one by one, for a tenth of the time. No field is masked, nor taken from the context.
    """
    output = structlog.get_config()["logger_factory"](logger)
    if isinstance(output, _Logger) and output.in_json:
        begin = {"timestamp": None, "level": "info", "event": event}
        output.msg_without_keys("\n".join(_json({**begin, **line, "logger": logger}) for line in lines))
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
    """Serialise in ASCII without control characters, whatever the encoding of the stream."""
    try:
        line = orjson.dumps(event, default).decode()
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits
        line = ""
    if not line or not line.isascii():
        line = json.dumps(event, default=default, separators=(",", ":"))
    return line.replace("\x7f", "\\u007f")  # the one that JSON leaves alone


def _mask_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in event:
        if is_secret_name(name):
            event[name] = MASK
    return event


def _put_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: event[name] for name in FIRST_FIELDS if name in event} | dict(event)


def _secrets_of(settings: Settings) -> Iterator[str]:
    """Each secret of the settings, as it was given and as it looks in JSON."""
    for field, declared in declared_variables().items():
        value = getattr(settings, field)
        if declared.secret and value:
            text = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
            if len(text) >= LEAST_SECRET:
                yield from {text, json.dumps(text)[1:-1]}


def _log_unraisable(fault: "sys.UnraisableHookArgs") -> None:
    structlog.get_logger(__name__).error("fault in a destructor", exc_info=fault.exc_value, where=repr(fault.object))


def _log_of_thread(fault: threading.ExceptHookArgs) -> None:
    thread = fault.thread.name if fault.thread else None
    structlog.get_logger(__name__).error("fault in a thread", exc_info=fault.exc_value, thread=thread)


class _Output:
    """Passes lines to the writer, without the studio's own secrets, wherever a library may have put them.

    A full disk, or a reader that is slow or gone, costs the line and never the work that it reports.
    """

    def __init__(self, stream: TextIO, secrets: tuple[str, ...], render: Sequence[Processor]) -> None:
        self._encoding = stream.encoding or "utf-8"
        self._secrets = secrets
        self._render = render
        self._writer = LogWriter(unbuffered(cast("io.TextIOBase", stream)), self._dropped_line)

    def write(self, text: str) -> None:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        # A line is written whatever a client put into it.
        self._writer.put(text.encode(self._encoding, "backslashreplace"))

    def close(self) -> None:
        self._writer.close(_CLOSING_SECONDS)

    def _dropped_line(self, lines: int) -> bytes:
        line: Any = {
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "level": "warning",
            "event": "log lines dropped, because nobody took them",
            "lines": lines,
            "logger": __name__,
        }
        for processor in self._render:
            line = processor(None, "warning", line)
        return f"{line}\n".encode(self._encoding, "backslashreplace")


class _Handler(logging.Handler):
    """Handler for the records of libraries."""

    def __init__(self, output: _Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._output.write(without_keys(self.format(record)) + "\n")
        except Exception:  # noqa: BLE001 - whatever a library logs, it must not fail for it
            self.handleError(record)

    def close(self) -> None:
        self._output.close()
        super().close()


class _Logger:
    """Structlog's logger, which bypasses ``logging``: that takes several times as long as all the rest."""

    def __init__(self, output: _Output, in_json: bool, name: str = "") -> None:
        self.in_json = in_json  # and at level info
        self.name = name
        self._output = output

    def msg(self, line: str) -> None:
        self._output.write(without_keys(line) + "\n")

    def msg_without_keys(self, lines: str) -> None:
        """Write lines that hold no key."""
        self._output.write(lines + "\n")

    debug = info = warning = error = critical = msg
