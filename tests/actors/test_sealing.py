"""Sealed texts open with the same key and for the same purpose only."""

import pytest

from actors.sealing import Seal, SealBroken

pytestmark = [pytest.mark.unit, pytest.mark.security]

KEY = bytes(range(32))


def test_what_was_sealed_opens_again_and_looks_different_each_time() -> None:
    seal = Seal(KEY)
    sealed = [seal.close("clé 🎏", b"one") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert [Seal(KEY).open(each, b"one") for each in sealed] == ["clé 🎏"] * 2


def test_nothing_else_opens() -> None:
    seal = Seal(KEY)
    sealed = seal.close("text", b"one")
    for other, given, purpose in (
        (seal, sealed, b"two"),
        (Seal(bytes(32)), sealed, b"one"),
        (Seal.derived(KEY, b"a use"), sealed, b"one"),
        (seal, sealed[:-1], b"one"),
        (seal, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"one"),
        (seal, b"", b"one"),
    ):
        with pytest.raises(SealBroken):
            other.open(given, purpose)


def test_a_derived_seal_is_the_same_for_the_same_use_only() -> None:
    sealed = Seal.derived(KEY, b"a use").close("text", b"one")
    assert Seal.derived(KEY, b"a use").open(sealed, b"one") == "text"
    with pytest.raises(SealBroken):
        Seal.derived(KEY, b"another use").open(sealed, b"one")
