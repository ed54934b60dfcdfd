"""Files of OTLP/JSON: a document on each line, as exporters write them, or one document.

They are parsed as the studio parses requests over HTTP. A line that it would refuse costs only itself.
"""

import codecs
import json
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper
from pathlib import Path

import orjson

from actors.errors import InvalidRequest
from studio.transfer.upload import LOGS, SPANS, Line, Lines, Note, Signal
from transports.json_document import JsonObject, parse_object
from transports.otlp.decode_json import frame_of
from transports.otlp.decode_logs_json import logs_frame_of

MOST_BYTES = 256 * 1024 * 1024  # of a line, or of a document; four times what a studio takes as it comes
_BEGINNING = 4096
_BLANK = "\ufeff \t\r\n"
_REQUEST_BYTES = 2 * 1024 * 1024  # lines are sent together up to about this size
_OTHER_SIGNALS = ("resourceMetrics", "resourceProfiles")


def begins_like_json(path: Path) -> bool:
    """Whether the first non-blank character opens an object. A blank file has no lines, which is fine too."""
    encoding = encoding_of(path)
    with path.open("rb") as file:
        while beginning := file.read(_BEGINNING):
            text = beginning.decode(encoding, "ignore").lstrip(_BLANK)
            if text:
                return text.startswith("{")
    return True


def has_objects(path: Path) -> bool:
    """Whether any line is a JSON object."""
    try:
        return any(line is not None and line.lstrip().startswith(b"{") and _is_object(line) for line in _lines(path))
    except UnicodeDecodeError:
        return False


def encoding_of(path: Path) -> str:
    """The Unicode encoding of a JSON file, as Python's parser detects it: PowerShell writes UTF-16."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    found = json.detect_encoding(beginning)
    text = beginning.decode(found, "ignore").lstrip(_BLANK)
    return found if text.startswith("{") else "utf-8"  # zeros alone prove no encoding


def json_uploads(path: Path) -> Iterator[Lines | Note]:
    """The uploads in a file, and notes about other lines. Raises ``OSError``."""
    try:
        document = _one_document(path)
        if document is None:
            yield from _together(_read_lines(path))
        else:
            for each in document:
                yield each if isinstance(each, Note) else Lines([each], path.stat().st_size)
    except UnicodeDecodeError as fault:
        yield Note("", f"its text is not {fault.encoding}")


def _one_document(path: Path) -> list[Line | Note] | None:
    """The file as one document of many lines, if it is one."""
    first = next((line for line in _lines(path) if line is None or line.strip()), b"{}")
    if first is None or path.stat().st_size > MOST_BYTES or _is_object(first):
        return None
    text = path.read_bytes()
    return _of_document("", text) if _is_object(text) else None


def _is_object(text: bytes) -> bool:
    try:
        parse_object(text)
    except InvalidRequest:
        return False
    return True


def _read_lines(path: Path) -> Iterator[tuple[int, Line | Note]]:
    """Each non-blank line, with the number of bytes up to its end."""
    position = 0
    for number, text in enumerate(_lines(path), 1):
        where = f"line {number}"
        if text is None:
            yield position, Note(where, f"longer than {MOST_BYTES} bytes")
            continue
        position += len(text)
        if text.strip():
            for each in _of_document(where, text):
                yield position, each


def _together(read: Iterator[tuple[int, Line | Note]]) -> Iterator[Lines | Note]:
    """Join lines of one signal into uploads."""
    gathered: list[Line] = []
    size = position = 0
    for end, line in read:
        if isinstance(line, Note):
            yield line
        elif line.frames is None:
            yield Lines([line], end)
        elif line.items:
            if gathered and (line.signal is not gathered[0].signal or size + len(line.text) > _REQUEST_BYTES):
                yield Lines(gathered, position)
                gathered, size = [], 0
            gathered.append(line)
            size += len(line.text)
        position = end
    if gathered:
        yield Lines(gathered, position)


def _of_document(where: str, text: bytes) -> list[Line | Note]:
    """One document as what is sent of each signal, or a note why it cannot or need not be sent."""
    try:
        document, plain = _parsed(text)
        counts = {SPANS: frame_of(document).spans, LOGS: logs_frame_of(document).logs}
    except InvalidRequest as fault:
        return [Note(where, fault.detail)]
    there = [signal for signal in counts if signal.member in document]
    if document and not there:
        return [_without_spans(where, document)]
    return [
        Line(where, text, counts[signal], _frames(document, signal) if plain else None, signal)
        for signal in there or [SPANS]
    ]


def _parsed(text: bytes) -> tuple[JsonObject, bool]:
    """The document, and whether it is strict JSON: a lenient one is not serialised anew."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return parse_object(text), False
    return (document, True) if isinstance(document, dict) else (parse_object(text), False)


def _without_spans(where: str, document: JsonObject) -> Note:
    for signal in _OTHER_SIGNALS:
        if signal in document:
            return Note(where, f"{signal}, which a studio does not keep", lost=False)
    return Note(where, "no resourceSpans")


def _frames(document: JsonObject, signal: Signal) -> bytes | None:
    try:
        return orjson.dumps(document.get(signal.member) or [])[1:-1]
    except TypeError:  # it is read in greater depth than it is written
        return None


def _lines(path: Path) -> Iterator[bytes | None]:
    """The lines of a file as UTF-8, whatever its encoding; ``None`` for one that is too long."""
    encoding = encoding_of(path)
    with path.open("rb") as file:
        source: BufferedReader | TextIOWrapper = file
        if not encoding.startswith("utf-8"):
            source = TextIOWrapper(file, encoding, errors="surrogatepass", newline="\n")
        while line := _read_line(source):
            yield line.removeprefix(codecs.BOM_UTF8) if len(line) < MOST_BYTES else None
            while len(line) >= MOST_BYTES and not line.endswith(b"\n"):
                line = _read_line(source)


def _read_line(source: BufferedReader | TextIOWrapper) -> bytes:
    line = source.readline(MOST_BYTES)
    return line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
