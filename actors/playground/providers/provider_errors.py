"""Error messages of providers, in any form: found, and made presentable."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import quote

from actors.playground.counts import count
from actors.playground.providers.untrusted import member, objects
from actors.playground.well_formed import well_formed

_TEXT_MEMBERS = (
    "message",
    "detail",
    "msg",
    "error_description",
    "error_message",
    "errors",
    "title",
    "reason",
    "description",
    "type",
)
_MOST_ITEMS = 3  # of a list of errors
_DEEPEST = 8
_LENGTH = 200  # of what is shown
_MOST_LOOKED_AT = 16 * 1024  # characters; the message comes before that
_SHORTEST_KEY = 4

# Members of an answer, in the format of any provider: a document with one of them is no error, whatever message it has.
_ANSWER = frozenset(
    (
        *("id", "object", "choices", "usage", "created", "model", "type", "delta", "index", "content"),
        *("content_block", "candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"),
    )
)
_LEAST_STATUS, _MOST_STATUS = 400, 599

_SILENT = re.compile(r"<(script|style|head)\b[^<>]*>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title>([^<>]*)</title>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"\b[a-z]+://\S+|\bwww\.\S+", re.IGNORECASE)
_KEY = re.compile(r"\b(?:sk|AIza|AQ\.)[A-Za-z0-9_*.-]{6,}")


def words_in(body: object, depth: int = 0) -> str:
    """The text of an error body: ``{"error": {"message": …}}``, ``[{"detail": [{"msg": …}]}]``, HTML, and the like."""
    if isinstance(body, str):
        return body
    if depth > _DEEPEST:
        return ""
    if isinstance(body, Mapping):
        named = words_in(body.get("error"), depth + 1)
        if named and not isinstance(body["error"], str):
            return named
        described = next((found for name in _TEXT_MEMBERS if (found := words_in(body.get(name), depth + 1))), "")
        return ": ".join(text for text in (named, described) if text)
    if isinstance(body, list):
        items = (words_in(item, depth + 1) for item in body[:_MOST_ITEMS])
        return "; ".join(text for text in items if text)
    return ""


def error_in(document: object, name: str = "") -> object | None:
    """The error in a document or event of this name, although the answer's status was 200."""
    if name == "error":
        return document
    if not isinstance(document, Mapping):
        return None
    if document.get("error") or "error" in (document.get("object"), document.get("type")):
        return document
    refused = next((choice for choice in objects(document.get("choices")) if choice.get("error")), None)
    if refused is not None:
        return refused
    return document if not _ANSWER & document.keys() and words_in(document) else None


def status_in(document: object) -> int | None:
    """The HTTP status that an error names, if it can be one."""
    for path in (("error", "code"), ("error", "status"), ("code",), ("status",), ("status_code",)):
        status = count(member(document, *path))
        if status is not None and _LEAST_STATUS <= status <= _MOST_STATUS:
            return status
    return None


def presentable(message: str, key: str) -> str:
    """The provider's message without keys, addresses and markup, in one short line."""
    message = _without(key, _plain(_without(key, message)[:_MOST_LOOKED_AT]))
    message = "".join(character if character.isprintable() else " " for character in well_formed(message))
    line = " ".join(_ADDRESS.sub("", _KEY.sub("***", message)).split())
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"


def _without(key: str, message: str) -> str:
    for secret in (key, quote(key, safe="")) if len(key) >= _SHORTEST_KEY else ():
        message = message.replace(secret, "***")
    return message


def _plain(message: str) -> str:
    """HTML as its text; a page of nothing but a title, as that."""
    if not message.lstrip().startswith("<"):
        return message
    title = _TITLE.search(message)
    text = _TAG.sub(" ", _SILENT.sub(" ", message))
    return unescape(text if text.strip() or title is None else title[1])
