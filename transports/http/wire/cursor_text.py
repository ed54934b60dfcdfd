"""Cursors of span lists as opaque text, for the query parameter ``after``."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from actors.span_store.messages import Cursor
from actors.span_store.query.position import Position
from transports.http.framework.rules import Fault

_FORM = re.compile(r"([0-9]{1,20})\.([0-9]{1,19})")
_TEXT = re.compile(r"[A-Za-z0-9_-]{4,60}")


def cursor_text(cursor: Cursor) -> str:
    text = f"{cursor.start_time_unix_nano}.{cursor.position}"
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def cursor_from(text: str) -> Cursor:
    """Parse the text of ``cursor_text``; a ``Fault`` for anything else."""
    match = _TEXT.fullmatch(text) and _FORM.fullmatch(_decoded(text))
    if not match or int(match[1]) >= 2**64 or int(match[2]) >= 2**63:
        raise Fault("value_error", "Input should be the x-next-cursor of an earlier answer")
    return Cursor(start_time_unix_nano=int(match[1]), position=Position.from_text(match[2]))


def _decoded(text: str) -> str:
    if len(text) % 4 == 1:
        return ""  # no number of bytes has this length
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("latin-1")
