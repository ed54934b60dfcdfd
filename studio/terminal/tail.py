"""``studio tail``: what comes in, a line each."""

import argparse
import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from studio.standard_streams import complain, say
from studio.transfer.client import TransferFailed
from studio.transfer.commands import add_studio, client_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

NAME = "tail"
_MOST_SHOWN = 1000
# What JSON leaves as it is inside of texts, and a terminal may obey or hide.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def add_command(commands: "Commands") -> None:
    """Add the command to the parser."""
    tail = commands.add_parser(NAME, help="print spans as they come in, until it is stopped")
    tail.add_argument("q", nargs="?", default="", metavar="Q", help="a filter, such as 'status:error' (docs/query.md)")
    tail.add_argument("--of", choices=("spans", "traces"), default="spans", help="what is printed; by default spans")
    tail.add_argument(
        "--limit", type=_shown_first, default=10, help="latest ones to print first, 1000 at most; by default 10"
    )
    tail.add_argument("--after", metavar="POSITION", help="go on there: the position that --json printed with an item")
    tail.add_argument("--count", type=_count, help="stop after so many")
    tail.add_argument("--json", action="store_true", help="print each as a line of JSON, with its position")
    add_studio(tail, "read")


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
    # Loaded here: a studio that runs has no use for it.
    from studio.terminal.following import Following  # noqa: PLC0415
    from studio.terminal.tail_lines import shown  # noqa: PLC0415

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
    import orjson  # noqa: PLC0415 - as above

    text = orjson.dumps({"position": position, "item": item}).decode()
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MOST_SHOWN)) + 5 or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _shown_first(text: str) -> int:
    count = _count(text)
    if count > _MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"must be at most {_MOST_SHOWN}")
    return count
