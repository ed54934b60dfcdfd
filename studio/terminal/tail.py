"""``studio tail``: what comes in, a line each."""

import argparse
import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

import orjson

from studio.standard_streams import complain, say
from studio.terminal.following import Following
from studio.terminal.tail_lines import shown
from studio.transfer.client import TransferFailed, client_of

# What JSON leaves as it is inside of texts, and a terminal may obey or hide.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def follow(given: argparse.Namespace) -> bool:
    """Print what comes in; whether standard output took it. Ends when it is interrupted. ``TransferFailed``."""
    with suppress(KeyboardInterrupt):
        return asyncio.run(_follow(given))
    return True


async def _follow(given: argparse.Namespace) -> bool:
    left = given.count
    async with aclosing(_lines(given)) as lines:
        async for line in lines:
            if not say(line):
                return False
            left = None if left is None else left - 1
            if left == 0:
                break
    return True


async def _lines(given: argparse.Namespace) -> AsyncGenerator[str, None]:
    written: Callable[[Mapping[str, Any], str], str] = _as_json if given.json else lambda item, _: shown(item)
    following = Following(
        client=client_of(given),
        q=given.q,
        of=given.of,
        limit=given.limit,
        position=given.after,
        warn=complain,
    )
    shows_page = True
    async with aclosing(following.frames()) as frames:
        async for frame in frames:
            if frame["type"] == "lagged":
                complain(f"{frame['skipped']} were left out: ask for fewer, or read faster")
                continue
            if frame["type"] == "item" or shows_page:
                for item in _items(frame):
                    yield written(item, frame["position"])
            shows_page = False


def _items(frame: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The items of a frame, the latest last."""
    try:
        return list(reversed(frame["items"])) if frame["type"] == "page" else [frame["item"]]
    except (LookupError, TypeError) as fault:
        raise TransferFailed("This does not answer like a studio of this version") from fault


def _as_json(item: Mapping[str, Any], position: str) -> str:
    text = orjson.dumps({"position": position, "item": item}).decode()
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
