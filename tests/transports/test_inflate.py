"""Decompression: complete or an error, and never more than the limit."""

import gzip
import random
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import InvalidRequest, TooLarge, UnsupportedMedia
from transports.inflate import DEFAULT_LIMIT, inflate, inflate_in_turn
from transports.otlp.decoder import Decoder

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.unit

LIMIT = 1024 * 1024
NOISE = random.Random(7).randbytes(300_000)


def raw_deflate(body: bytes) -> bytes:
    """The raw form inside zlib's: some HTTP clients send it as deflate."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def zstd_in_pieces(body: bytes) -> bytes:
    """A frame that does not say how large it is, as one that is streamed."""
    packer = zstd.ZstdCompressor()
    return packer.compress(body) + packer.flush()


FORMS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd.compress),
    "zstd in pieces": ("zstd", zstd_in_pieces),
}
every_form = pytest.mark.parametrize("form", FORMS)


def inflated(form: str, sent: bytes, limit: int = LIMIT) -> bytes:
    return inflate(sent, FORMS[form][0], limit)


def packed(form: str, body: bytes) -> bytes:
    return FORMS[form][1](body)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_leaves_plain_bodies_as_they_are(encoding: str) -> None:
    body = b"as it is"
    assert inflate(body, encoding, LIMIT) is body


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=5000))
def test_gives_back_what_was_compressed(form: str, body: bytes) -> None:
    assert inflated(form, packed(form, body)) == body


@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize("bits", range(9, 16))
def test_deflate_is_known_by_its_wrapper_at_every_level_and_window(level: int, bits: int) -> None:
    for body in (b"", b"a", NOISE[:1000], b"text " * 1000):
        for window in (bits, -bits):
            packer = zlib.compressobj(level, wbits=window)
            assert inflate(packer.compress(body) + packer.flush(), "deflate", LIMIT) == body


@given(st.sampled_from(["gzip", "zstd"]), st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_gives_back_any_number_of_members(form: str, parts: list[bytes]) -> None:
    assert inflated(form, b"".join(packed(form, part) for part in parts)) == b"".join(parts)


def test_a_frame_of_zstd_that_is_to_be_skipped_is() -> None:
    skipped = struct.pack("<II", 0x184D2A50, 5) + b"aside"
    assert inflate(skipped + zstd.compress(b"body") + skipped, "zstd", LIMIT) == b"body"


@every_form
def test_gives_back_bodies_larger_than_its_pieces(form: str) -> None:
    for body in (NOISE * 3, bytes(LIMIT)):
        assert inflated(form, packed(form, body)) == body
    assert inflate(packed(form, NOISE), FORMS[form][0].upper(), LIMIT) == NOISE


@every_form
@pytest.mark.parametrize("cut", [1, 2, 5, 9, 10, 11, 1000, 65_536, 65_546, 299_000, -1, -4, -8])
def test_refuses_a_truncated_body(form: str, cut: int) -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflated(form, packed(form, NOISE)[:cut])


@every_form
def test_refuses_an_empty_body_that_claims_to_be_compressed(form: str) -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflated(form, b"")


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_refuses_a_truncated_second_member(form: str) -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflated(form, packed(form, b"one") + packed(form, b"two")[:-3])


@pytest.mark.parametrize("body", [b"plain text", b"\x1f\x8b\x08\xff", zlib.compress(b"zlib, not gzip")])
def test_refuses_what_is_not_gzip(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gzip body"):
        inflate(body, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_refuses_what_is_of_another_form(encoding: str) -> None:
    others = [each for name, each in FORMS.values() if name.removeprefix("x-") != encoding]
    for body in (b"plain text", b'{"resourceSpans":[]}', b"\xff" * 100, *(other(b"body" * 10) for other in others)):
        with pytest.raises(InvalidRequest, match=f"The {encoding} body"):
            inflate(body, encoding, LIMIT)


@every_form
@pytest.mark.parametrize("rest", [b"trailing data", b"\0"])
def test_refuses_trailing_data(form: str, rest: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"corrupt|followed by other data|truncated"):
        inflated(form, packed(form, b"body") + rest)


def test_deflate_has_one_member() -> None:
    with pytest.raises(InvalidRequest, match="followed by other data"):
        inflate(zlib.compress(b"one") + zlib.compress(b"two"), "deflate", LIMIT)


@pytest.mark.parametrize("form", ["gzip", "zlib"])
def test_refuses_a_wrong_checksum(form: str) -> None:
    body = bytearray(packed(form, b"body" * 1000))
    body[-6 if form == "gzip" else -2] ^= 1
    with pytest.raises(InvalidRequest, match="corrupt"):
        inflated(form, bytes(body))


def test_refuses_a_wrong_checksum_of_zstd() -> None:
    options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    body = bytearray(zstd.compress(b"body" * 1000, options=options))
    assert inflate(bytes(body), "zstd", LIMIT) == b"body" * 1000
    body[-1] ^= 1
    with pytest.raises(InvalidRequest, match="corrupt"):
        inflate(bytes(body), "zstd", LIMIT)


@pytest.mark.parametrize(
    "encoding",
    ["br", "snappy", "lz4", "compress", "gzip, gzip", "identity, zstd", "zlib", "x-snappy-framed", "x" * 5000],
)
def test_refuses_other_encodings_and_says_what_to_set(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia, match="set compression to gzip, zstd, deflate or none") as refusal:
        inflate(b"body", encoding, LIMIT)
    assert len(refusal.value.detail) < 120  # little of it is echoed
    assert ("More than one" in refusal.value.detail) == (", " in encoding)


@every_form
@pytest.mark.parametrize("excess", [0, 1])
def test_the_limit_is_on_the_inflated_size(form: str, excess: int) -> None:
    body = b"\0" * (LIMIT + excess)
    sent = packed(form, body)
    if excess:
        with pytest.raises(TooLarge, match=str(LIMIT)):
            inflated(form, sent)
    else:
        assert inflated(form, sent) == body


@pytest.mark.parametrize("excess", [0, 1])
def test_the_limit_is_on_plain_bodies_too(excess: int) -> None:
    body = b"\0" * (LIMIT + excess)
    if excess:
        with pytest.raises(TooLarge, match=str(LIMIT)):
            inflate(body, "", LIMIT)
    else:
        assert inflate(body, "", LIMIT) == body


@pytest.mark.security
@every_form
def test_a_bomb_is_abandoned_at_the_limit(form: str) -> None:
    layer = packed(form, b"\0" * (DEFAULT_LIMIT + 1))
    with pytest.raises(TooLarge):
        inflated(form, layer * 50, DEFAULT_LIMIT)


@pytest.mark.security
@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_body_of_empty_members_is_abandoned(form: str) -> None:
    with pytest.raises(InvalidRequest, match="members"):
        inflated(form, packed(form, b"") * 1_000_000)


@pytest.mark.security
@pytest.mark.parametrize("log", [24, 27, 31])
def test_a_window_that_is_wider_than_senders_may_have_is_refused(log: int) -> None:
    """The frame is written by hand: a header that names the window, and one empty block that is the last."""
    frame = struct.pack("<IBB", 0xFD2FB528, 0, (log - 10) << 3) + b"\x01\0\0"
    with pytest.raises(InvalidRequest, match="window of more than 8 MiB"):
        inflate(frame, "zstd", LIMIT)


def test_the_widest_window_that_senders_may_have_is_taken() -> None:
    frame = struct.pack("<IBB", 0xFD2FB528, 0, (23 - 10) << 3) + b"\x01\0\0"
    assert inflate(frame, "zstd", LIMIT) == b""


@every_form
async def test_what_is_small_needs_no_thread(form: str) -> None:
    body = b"body" * 1000
    with ThreadPoolExecutor(1) as closed:
        pass
    assert await inflate_in_turn(packed(form, body), FORMS[form][0], LIMIT, Decoder(closed, closed)) == body
    assert await inflate_in_turn(body, "", LIMIT, Decoder(closed, closed)) == body


@every_form
@pytest.mark.parametrize("body", [NOISE, bytes(LIMIT)])  # large as it comes, and large when it is inflated
async def test_what_is_or_becomes_large_is_inflated_by_a_thread(form: str, body: bytes) -> None:
    started = threading.Event()
    with ThreadPoolExecutor(1, initializer=started.set) as executor:
        assert await inflate_in_turn(packed(form, body), FORMS[form][0], LIMIT, Decoder(executor, executor)) == body
        assert started.is_set()
        with pytest.raises(TooLarge):
            await inflate_in_turn(packed(form, bytes(LIMIT + 1)), FORMS[form][0], LIMIT, Decoder(executor, executor))


@pytest.mark.security
@pytest.mark.parametrize("form", ["gzip", "zstd"])
async def test_many_small_members_are_inflated_by_a_thread(form: str) -> None:
    """Beginning a thousand takes longer than others should wait."""
    started = threading.Event()
    with ThreadPoolExecutor(1, initializer=started.set) as executor:
        assert (
            await inflate_in_turn(packed(form, b"a") * 1000, FORMS[form][0], LIMIT, Decoder(executor, executor))
            == b"a" * 1000
        )
        assert started.is_set()


async def test_the_limit_may_be_lower_than_what_is_small() -> None:
    with pytest.raises(TooLarge, match="than 100 bytes"):
        await inflate_in_turn(gzip.compress(bytes(101)), "gzip", 100, Decoder())
