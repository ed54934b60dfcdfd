"""Device tokens of browsers that have signed in before, in the cookie ``junjo_device`` (OWASP, "Device Cookies").

A token is good for one account. It grants nothing: it only decides on which count a wrong password goes, so that an
attacker of the account cannot lock out known browsers.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import attrs

from actors.session.messages import DEVICE_SECONDS, DEVICE_TOKEN_LENGTH, MOST_DEVICE_COOKIES, MOST_DEVICE_TOKENS

_FORM = re.compile(rf"[\w-]{{{DEVICE_TOKEN_LENGTH}}}", re.ASCII)
_SEPARATOR = "."
_TIME_BYTES = 6  # whole seconds since 1970
_NONCE_BYTES = 16
# Domain separation: each use of the secret has its own prefix, so that no value of one can pass as one of another.
_PROOF = b"device:"
_COUNT = b"failures of device:"


@attrs.frozen
class _Token:
    """The content of a token. Only the account's own digest can tell whether it is one of ours."""

    text: str
    signed: bytes  # time of issue and nonce
    proof: bytes

    def age(self, now: datetime) -> float:
        """The token's age in seconds. Anybody can write any time into a token, so its proof has to be checked too."""
        return now.timestamp() - int.from_bytes(self.signed[:_TIME_BYTES])


class Devices:
    """Issues and verifies tokens. Nothing is stored: changing ``secret`` makes all of them worthless."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def cookie(self, account: bytes, brought: Sequence[str], now: datetime) -> str:
        """Make a cookie: a new token for the account, then the browser's tokens for other accounts, newest first."""
        others = (token.text for token in _tokens(brought, now) if not self._is_for(account, token))
        return _SEPARATOR.join((self._new_token(account, now), *islice(others, MOST_DEVICE_TOKENS - 1)))

    def counts(self, account: bytes, brought: Sequence[str], now: datetime) -> Iterator[bytes]:
        """For each good token of the account, the key of its failure count."""
        for token in _tokens(brought, now):
            if self._is_for(account, token):
                yield hmac.digest(self._secret, _COUNT + account + token.signed, "sha256")

    def _new_token(self, account: bytes, now: datetime) -> str:
        signed = int(now.timestamp()).to_bytes(_TIME_BYTES) + secrets.token_bytes(_NONCE_BYTES)
        return base64.urlsafe_b64encode(signed + self._proof(account, signed)).decode()  # 54 bytes need no padding

    def _is_for(self, account: bytes, token: _Token) -> bool:
        return hmac.compare_digest(token.proof, self._proof(account, token.signed))

    def _proof(self, account: bytes, signed: bytes) -> bytes:
        return hmac.digest(self._secret, _PROOF + account + signed, "sha256")


def _tokens(brought: Sequence[str], now: datetime) -> Iterator[_Token]:
    """The well-formed and recent tokens of the cookies, each once, a bounded number."""
    texts = (text for cookie in brought[:MOST_DEVICE_COOKIES] for text in _texts(cookie))
    for text in dict.fromkeys(texts):
        if _FORM.fullmatch(text) and (token := _token_in(text)).age(now) < DEVICE_SECONDS:
            yield token


def _texts(cookie: str) -> Iterable[str]:
    """The parts of a cookie; none of one with more parts than ours have."""
    texts = cookie.split(_SEPARATOR, MOST_DEVICE_TOKENS)
    return texts if len(texts) <= MOST_DEVICE_TOKENS else ()


def _token_in(text: str) -> _Token:
    content = base64.urlsafe_b64decode(text)
    cut = _TIME_BYTES + _NONCE_BYTES
    return _Token(text, content[:cut], content[cut:])
