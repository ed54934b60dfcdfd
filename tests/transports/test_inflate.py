"""Decompression: complete or an error, and never more than the limit."""

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import InvalidRequest, TooLarge, UnsupportedMedia
from transports.inflate import DEFAULT_LIMIT, inflate

pytestmark = pytest.mark.unit

LIMIT = 1024 * 1024
NOISE = random.Random(7).randbytes(300_000)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_leaves_plain_bodies_as_they_are(encoding: str) -> None:
    body = b"as it is"
    assert inflate(body, encoding, LIMIT) is body


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_gives_back_what_was_compressed_in_any_number_of_members(parts: list[bytes]) -> None:
    assert inflate(b"".join(map(gzip.compress, parts)), "gzip", LIMIT) == b"".join(parts)


def test_gives_back_bodies_larger_than_its_pieces() -> None:
    body = NOISE * 3
    assert inflate(gzip.compress(body), "GZIP", LIMIT) == body


@pytest.mark.parametrize("cut", [1, 5, 9, 10, 11, 1000, 65_536, 65_546, 299_000, -1, -4, -8])
def test_refuses_a_truncated_body(cut: int) -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflate(gzip.compress(NOISE)[:cut], "gzip", LIMIT)


def test_refuses_an_empty_body_that_claims_to_be_compressed() -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflate(b"", "gzip", LIMIT)


def test_refuses_a_truncated_second_member() -> None:
    with pytest.raises(InvalidRequest, match="truncated"):
        inflate(gzip.compress(b"one") + gzip.compress(b"two")[:-3], "gzip", LIMIT)


@pytest.mark.parametrize("body", [b"plain text", b"\x1f\x8b\x08\xff", zlib.compress(b"zlib, not gzip")])
def test_refuses_what_is_not_gzip(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gzip body"):
        inflate(body, "gzip", LIMIT)


def test_refuses_trailing_data() -> None:
    with pytest.raises(InvalidRequest, match="corrupt"):
        inflate(gzip.compress(b"body") + b"trailing data", "gzip", LIMIT)


def test_refuses_a_wrong_checksum() -> None:
    body = bytearray(gzip.compress(b"body" * 1000))
    body[-6] ^= 1
    with pytest.raises(InvalidRequest, match="corrupt"):
        inflate(bytes(body), "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "gzip, gzip", "x" * 5000])
def test_refuses_other_encodings_and_echoes_little_of_them(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia) as refusal:
        inflate(b"body", encoding, LIMIT)
    assert len(refusal.value.detail) < 120


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_limit_is_on_the_inflated_size(encoding: str, excess: int) -> None:
    body = b"\0" * (LIMIT + excess)
    sent = gzip.compress(body) if encoding else body
    if excess:
        with pytest.raises(TooLarge, match=str(LIMIT)):
            inflate(sent, encoding, LIMIT)
    else:
        assert inflate(sent, encoding, LIMIT) == body


@pytest.mark.security
def test_a_bomb_is_abandoned_at_the_limit() -> None:
    layer = gzip.compress(b"\0" * DEFAULT_LIMIT)
    with pytest.raises(TooLarge):
        inflate(layer * 50, "gzip", LIMIT)


@pytest.mark.security
def test_a_body_of_empty_members_is_abandoned() -> None:
    with pytest.raises(InvalidRequest, match="members"):
        inflate(gzip.compress(b"") * 1_000_000, "gzip", LIMIT)
