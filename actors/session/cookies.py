"""The session cookie: a random token, sealed on its way to the browser and stored as a digest only.

A reader of the database cannot make a cookie from it, and a made-up cookie is refused before any look-up.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actors.session.messages import COOKIE_LENGTH

_TOKEN_BYTES = 32
_NONCE_BYTES = 12
_MOST_KNOWN = 4096
_PURPOSE = b"junjo session cookie 1"  # authenticated with each cookie, so that no other use of the key can pass as one


class CookieSeal:
    """Makes and opens cookies.

    ``cookie_key`` (32 bytes, AES-256-GCM) encrypts tokens; ``session_secret`` keys the digests (HMAC-SHA256). Changing
    either ends all sessions.
    """

    def __init__(self, cookie_key: bytes, session_secret: str) -> None:
        self._cipher = AESGCM(cookie_key)
        self._secret = session_secret.encode()
        # Cache of digests by a keyed hash of the cookie, which takes a fifth of the cipher's time and reveals nothing
        # either. Only cookies that the cipher has accepted are in it.
        self._known: dict[bytes, bytes] = {}
        self._known_key = secrets.token_bytes(32)

    def new_cookie(self) -> tuple[str, bytes]:
        """Make a cookie with a new 256-bit token, and the token's digest. Base64 of 60 bytes has no padding."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, token, _PURPOSE)
        return base64.urlsafe_b64encode(sealed).decode(), self._digest(token)

    def open(self, cookie: str) -> bytes | None:
        """The digest of the cookie's token; ``None`` for a text that was not sealed with this key."""
        if len(cookie) != COOKIE_LENGTH or not cookie.isascii():
            return None
        name = hashlib.blake2b(cookie.encode(), key=self._known_key, digest_size=32).digest()
        digest = self._known.get(name)
        if digest is None and (digest := self._unsealed(cookie)) is not None:
            self._remember(name, digest)
        return digest

    def _unsealed(self, cookie: str) -> bytes | None:
        try:
            sealed = base64.b64decode(cookie, altchars=b"-_", validate=True)
            token = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _PURPOSE)
        except (ValueError, InvalidTag):
            return None
        return self._digest(token)

    def _remember(self, name: bytes, digest: bytes) -> None:
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[name] = digest

    def _digest(self, token: bytes) -> bytes:
        return hmac.digest(self._secret, token, "sha256")
