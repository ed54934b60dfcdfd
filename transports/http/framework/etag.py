"""Entity tags: answers say which they are, and a client that has one already is not sent it again."""

import hashlib

from aiohttp import web
from aiohttp.typedefs import LooseHeaders

_BYTES = 16


def tag_of(body: bytes) -> str:
    """The tag of a body. It is weak: with and without gzip it is the same, and so is what it stands for."""
    return f'W/"{hashlib.blake2b(body, digest_size=_BYTES).hexdigest()}"'


def is_known(request: web.Request, tag: str) -> bool:
    """Whether the client has what has this tag (RFC 9110, section 13.1.2), compared weakly."""
    value = tag.removeprefix("W/").strip('"')
    return any(known.value in (value, "*") for known in request.if_none_match or ())


def not_modified(headers: LooseHeaders) -> web.Response:
    return web.Response(status=304, headers=headers)
