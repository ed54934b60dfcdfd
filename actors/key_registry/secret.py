"""The secret of an API key: 64 characters 0-9A-Za-z, some 381 bits, without a prefix."""

import hashlib
import secrets
import string

LENGTH = 64
_ALPHABET = string.digits + string.ascii_letters


def new_secret() -> str:
    """Make a random secret."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def could_be_secret(text: str) -> bool:
    """Whether the text has the length and the character set of a secret. A cheap check, not a proof."""
    return len(text) == LENGTH and text.isascii()


def digest(secret: str) -> bytes:
    """The digest that is stored in place of the secret.

    SHA-256 without salt or stretching is enough for a random secret of this length (ASVS 5.0, 6.5.2).
    """
    return hashlib.sha256(secret.encode()).digest()


def masked(secret: str) -> str:
    """The form in which a key is listed."""
    return f"{secret[:6]}…{secret[-4:]}"
