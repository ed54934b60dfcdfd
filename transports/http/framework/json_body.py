"""The JSON document in a request's body, by the rules of the contract (section 1).

A body without a content type is JSON. A body of a content type other than JSON is one text, which no route accepts.
"""

import json
from email.message import Message

import attrs
from aiohttp import web

from actors.errors import Problem, Refused
from actors.runtime.budget import Budget
from transports.http.framework.body import FREE_BYTES, read_body
from transports.http.framework.validation import invalid

MOST_BYTES = 1024 * 1024
# Of a prompt: a context window of a million tokens is some 5 MB of text. A run's trace takes three times that.
MOST_PROMPT_BYTES = 8 * 1024 * 1024


@attrs.frozen
class Document:
    """A parsed body; ``value`` is ``None`` when it is empty or JSON null."""

    value: object
    is_large: bool = False  # over ``MOST_BYTES``


async def read_document(request: web.Request, most: int, budget: Budget) -> Document:
    """Read and parse the body, of up to ``most`` bytes.

    Malformed JSON is ``InvalidRequest``; JSON that Python cannot read is ``Refused``. ``budget`` holds the bytes of
    large bodies.
    """
    with budget.reserve() as room:
        body = await read_body(request, most, room, FREE_BYTES)
    return Document(_parsed(request, body), is_large=len(body) > MOST_BYTES)


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
