"""Encryption at rest, by AES-256-GCM, for secrets that are needed again in plain text."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32


class SealBroken(Exception):
    """The text was sealed with another key or for another purpose, or it is damaged."""


class Seal:
    """Seals texts with a key of 32 bytes.

    A text's ``purpose`` is authenticated with it, so that a text sealed for one never opens for another: neither in
    another row, nor as anything else that the same key encrypts.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def derived(cls, key: bytes, use: bytes) -> "Seal":
        """Make a seal whose key is derived from another one by HKDF for this use, and reveals nothing of that."""
        return cls(HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=use).derive(key))

    def close(self, text: str, purpose: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), purpose)

    def open(self, sealed: bytes, purpose: bytes) -> str:
        """Open a sealed text. Raises ``SealBroken``."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose).decode()
        except (InvalidTag, ValueError) as fault:
            raise SealBroken from fault
