"""``studio import``: files of spans, sent to a running studio over OTLP."""

from collections import Counter
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pathlib import Path

import attrs
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError

from studio.transfer.client import Refused, StudioClient, TransferFailed
from studio.transfer.progress import Progress
from studio.transfer.span_files import uploads_of
from studio.transfer.upload import LOGS, PROTOBUF, SPANS, Note, Unreadable, Upload

_MOST_NOTES = 20  # of one file; the others are counted
_OF_THE_DATA = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # refusals that concern one request only


def import_files(client: StudioClient, files: Sequence[Path]) -> str:
    """Send the spans and log records of files: our Parquet, OTLP in protobuf or JSON, or lines of OTLP/JSON.

    The format is detected by the content. Spans that the studio has already are stored once. A part that is no span
    costs only itself. Returns the report; raises ``TransferFailed`` with it when parts could not be sent, and when the
    studio takes no more. Spans that were sent stay, so the same call can be made again.
    """
    done: list[_File] = []
    for path in files:
        file = _File(client, path)
        done.append(file)
        try:
            file.send()
        except TransferFailed as fault:
            sent = any(each.sent.total() for each in done)
            raise TransferFailed(f"{fault}; {_counted(done)} had been sent before" if sent else str(fault)) from fault
    report = "\n".join([note for file in done for note in file.report()] + [_total(done)])
    if any(file.failed for file in done):
        raise TransferFailed(report)
    return report


def _total(files: "Sequence[_File]") -> str:
    rejected = sum(file.rejected for file in files)
    refused = f", {rejected} of which the studio rejected" if rejected else ""
    unread = sum(file.unread for file in files)
    left = f"; {unread} places could not be taken" if unread else ""
    return f"Sent {_counted(files)} of {len(files)} files{refused}{left}"


def _counted(files: "Iterable[_File]") -> str:
    """How many spans were sent, and how many log records if there were any."""
    sent: Counter[str] = sum((file.sent for file in files), Counter())
    return " and ".join(f"{sent[noun]} {noun}s" for noun in (SPANS.noun, LOGS.noun) if noun == SPANS.noun or sent[noun])


@attrs.define
class _File:
    """The upload of a file: numbers of sent spans and log records and of rejected ones, and notes."""

    client: StudioClient
    path: Path
    found: int = 0
    sent: Counter[str] = attrs.field(factory=Counter)  # by the noun of their signal
    rejected: int = 0
    unread: int = 0  # places with something that could not be taken
    noted: int = 0
    notes: list[Note] = attrs.field(factory=list)
    fault: str = ""

    def send(self) -> None:
        """Send the whole file. Raises ``TransferFailed`` when the studio takes no more."""
        progress = Progress(self.path.name, _size(self.path))
        try:
            for each in uploads_of(self.path):
                if isinstance(each, Note):
                    self._leave(each)
                else:
                    self.found += each.items
                    self._send(each)
                    progress.reached(each.position)
        except OSError as fault:
            self.unread += 1
            self.fault = f"Cannot read {self.path}: {fault.strerror or 'it is damaged'}"
        finally:
            progress.end()

    @property
    def failed(self) -> bool:
        """Whether anything that was to be sent was not stored. A file without any spans counts only if it has notes."""
        return bool(self.unread or self.rejected or (self.notes and not self.found))

    def report(self) -> list[str]:
        """A line for each note, if they are not too many; one line for a file without any span."""
        lines = [f"{self.path}{', ' if note.where else ''}{note.where}: {note.text}" for note in self.notes]
        if self.notes and not self.found:
            first = next((note for note in self.notes if note.lost), self.notes[0])
            lines = [f"{self.path} has no spans: {first.where}{': ' if first.where else ''}{first.text}"]
        elif self.noted > len(self.notes):
            lines.append(f"{self.path}: {self.noted - len(self.notes)} more like these")
        return [*lines, self.fault] if self.fault else lines

    def _send(self, upload: Upload) -> None:
        """Send an upload. Where the studio refuses it, its good parts are sent without the bad."""
        try:
            answer = self.client.send(upload.signal.path, upload.body(), upload.content_type)
        except Refused as refusal:
            if refusal.status not in _OF_THE_DATA:
                raise
            self._divide(upload, str(refusal))
        except Unreadable as fault:
            self._divide(upload, str(fault))
        else:
            rejected, message = _outcome(answer, upload, self.client.endpoint)
            self.sent[upload.signal.noun] += upload.items
            self._look_at(rejected, message, upload)

    def _divide(self, upload: Upload, reason: str) -> None:
        halves = upload.halves()
        if not halves:
            self._leave(Note(upload.where, reason))
        for half in halves:
            self._send(half)

    def _look_at(self, rejected: int, message: str, upload: Upload) -> None:
        self.rejected += rejected
        if not rejected:
            return
        notes = list(upload.rejected()) or [Note(upload.where, message)]
        for note in notes:
            self._note(note)

    def _leave(self, note: Note) -> None:
        self.unread += note.lost
        self._note(note)

    def _note(self, note: Note) -> None:
        """Keep the first notes, and the first of something lost, which may be the most important."""
        self.noted += 1
        if len(self.notes) < _MOST_NOTES or (note.lost and not any(each.lost for each in self.notes)):
            self.notes.append(note)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _outcome(answer: bytes, upload: Upload, endpoint: str) -> tuple[int, str]:
    """How many of its items the studio did not take, by its answer, and why."""
    signal = upload.signal
    try:
        response = signal.response()
        if upload.content_type == PROTOBUF:
            response.MergeFromString(answer)
        else:
            Parse(answer or b"{}", response, ignore_unknown_fields=True)
    except (DecodeError, ParseError, ValueError) as fault:
        raise TransferFailed(f"{endpoint} does not answer like a studio") from fault
    partial = response.partial_success  # type: ignore[attr-defined]  # every response has one
    return int(getattr(partial, signal.rejected)), str(partial.error_message)
