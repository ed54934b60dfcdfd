"""Secrets of API keys."""

import hashlib
import re

import pytest

from actors.key_registry.secret import could_be_secret, digest, masked, new_secret

pytestmark = pytest.mark.unit


def test_a_secret_is_64_letters_and_digits_and_new_each_time() -> None:
    secrets = {new_secret() for _ in range(200)}
    assert len(secrets) == 200
    assert all(re.fullmatch(r"[0-9A-Za-z]{64}", secret) for secret in secrets)
    assert len(set("".join(secrets))) == 62  # every character occurs


def test_the_digest_is_sha_256() -> None:
    secret = new_secret()
    assert digest(secret) == hashlib.sha256(secret.encode()).digest()


def test_the_mask_shows_both_ends() -> None:
    assert masked("abcdef" + "x" * 54 + "wxyz") == "abcdef…wxyz"


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "ä" * 64, "\ud800" * 64, "a" * 1_000_000])
def test_other_texts_are_no_secrets(text: str) -> None:
    assert not could_be_secret(text)
