"""The JSON document in a request, by the rules of the contract (section 1).

No content type is JSON; a content type other than JSON leaves the body one text, which no route accepts.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.message import Message

import attrs
from aiohttp import web

from actors.errors import Problem, Refused
from transports.http.converter import invalid
from transports.http.keys import CONFIG, LARGE_BODIES
from transports.inflate import too_large

MOST_BYTES = 1024 * 1024
# Of a prompt: a model's window of a million tokens is some 5 MB of text. A run's trace takes three times that.
MOST_PROMPT_BYTES = 8 * 1024 * 1024
MOST_RECEIVED = 8 * MOST_PROMPT_BYTES  # of all bodies over ``MOST_BYTES`` that are received at once

Admit = Callable[[web.Request], Awaitable[None]]


@attrs.frozen
class Document:
    """A parsed body, ``None`` when it is empty or JSON null."""

    value: object
    is_large: bool = False  # over ``MOST_BYTES``


async def read_document(request: web.Request, most: int, admit: Admit) -> Document:
    """The body, of up to ``most`` bytes. Malformed JSON is ``InvalidRequest``.

    More than ``MOST_BYTES`` are taken only from callers whom ``admit`` lets pass, and from no more of them at once than
    fit into the application's budget; otherwise it is ``Overloaded``.
    """
    try:
        async with asyncio.timeout(request.app[CONFIG].body_seconds):
            if most <= MOST_BYTES:
                return Document(_parsed(request, await request.read()))
            return await _read_large(request, most, admit)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large(MOST_BYTES) from None


async def _read_large(request: web.Request, most: int, admit: Admit) -> Document:
    body = bytearray()
    if (request.content_length or 0) > most:
        raise too_large(most)
    with request.app[LARGE_BODIES].reserve() as reservation:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > most:
                raise too_large(most)
            if len(body) > MOST_BYTES:
                if not reservation.size:
                    await admit(request)
                reservation.grow(len(body) - reservation.size)
        return Document(_parsed(request, bytes(body)), is_large=len(body) > MOST_BYTES)


def _parsed(request: web.Request, body: bytes) -> object:
    if not body:
        return None
    if not _is_json(request.headers.get("Content-Type", "")):
        return body.decode("utf-8", "replace")
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise invalid(
            Problem(
                type="json_invalid",
                location=("body", error.pos),
                message="JSON decode error",
                input={},
                context={"error": error.msg},
            )
        ) from None
    except (ValueError, RecursionError):  # no Unicode, a number of over 4300 digits, or nested too deep
        raise Refused("There was an error parsing the body") from None


def _is_json(content_type: str) -> bool:
    if not content_type:
        return True
    header = Message()
    header["content-type"] = content_type
    subtype = header.get_content_subtype()
    return header.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
