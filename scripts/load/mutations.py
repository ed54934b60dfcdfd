"""Nearly valid requests: valid ones with something changed in them."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_HUGE = b"\xff" * 9 + b"\x01"  # a varint of 2^64 - 1
# What parsers stumble over: lengths near every border, tags of every wire type, halves of characters.
_ODD_BYTES = (
    _HUGE,
    b"\xf4" + b"\xff" * 8 + b"\x01",  # a length of -12
    b"\x80" * 10,
    b"\xff\xff\xff\xff\x07",  # 2^31 - 1
    b"\xff\xff\xff\xff\x0f",  # 2^32 - 1
    b"\x0a" + _HUGE,
    b"\x12" + _HUGE,
    b"\x4a" + _HUGE,
    b"\x8a\x00",
    b"\xfa\x01",
    b"\x0b\x0c",  # a group
    b"\x00",
    b"\x07",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\n\x00" * 50,
)
_ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 2**64, 10**400, 1e308, -0.0, 1.5, "", "\x00", "\ud83d", "12", "1e3", "NaN", " 1", "0x1",
    [], {}, [None], {"": None}, [[[[]]]], {"values": [None]}, "f" * 32, "é" * 16, "00" * 16,
)  # fmt: skip


def mutated(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    """The body with one to four changes of its bytes."""
    for _ in range(chance.randint(1, 4)):
        body = chance.choice(_BYTE_CHANGES)(body, others, chance)
    return body


def mutated_json(body: bytes, chance: Random) -> bytes:
    """A JSON document with some of its values replaced, keys lost and items doubled."""
    document = json.loads(body)
    for _ in range(chance.randint(1, 4)):
        _change_inside(document, chance)
    return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _change_inside(holder: Any, chance: Random) -> None:  # noqa: ANN401 - any JSON
    """Descend to a random place, and change the value there."""
    while True:
        places = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not places:
            return
        place = chance.choice(places)
        if isinstance(holder[place], dict | list) and chance.random() < 0.85:
            holder = holder[place]
            continue
        match chance.randrange(4):
            case 0:
                del holder[place]
            case 1 if isinstance(holder, list):
                holder.append(holder[place])
            case 2:
                holder[place] = [holder[place]]
            case _:
                holder[place] = chance.choice(_ODD_VALUES)
        return


def _cut(body: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _without(body: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + body[at + chance.randint(1, 16) :]


def _flipped(body: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + bytes(each ^ 1 << chance.randrange(8) for each in body[at : at + 1]) + body[at + 1 :]


def _with_odd_bytes(body: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + chance.choice(_ODD_BYTES) + body[at + chance.choice((0, 0, 1, 10)) :]


def _spliced(body: bytes, others: Sequence[bytes], chance: Random) -> bytes:
    other = chance.choice(others)
    begin = chance.randrange(len(other) + 1)
    at = chance.randrange(len(body) + 1)
    return body[:at] + other[begin : begin + chance.randint(1, 2000)] + body[at:]


def _doubled(body: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    return body * chance.randint(2, 3) if len(body) < 1_000_000 else body


_BYTE_CHANGES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    _cut,
    _without,
    _flipped,
    _flipped,
    _with_odd_bytes,
    _with_odd_bytes,
    _spliced,
    _doubled,
)
