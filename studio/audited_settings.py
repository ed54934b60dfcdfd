"""The settings in the form that the audit trail compares from start to start.

It names values, and of a secret only that it changed. A digest of the secret under the cookie key is kept for that; the
cookie key is in no backup and opens the provider keys anyway, so that nobody can try out secrets on the digest who has
not more already. Digests under another cookie key cannot be compared.
"""

import hmac
import re
from datetime import timedelta
from pathlib import Path

from actors.audit_trail.actor import Setting
from studio.settings import Settings, declared_variables
from studio.variables import Variable
from transports.masking import MASK, without_keys

_DIGITS = 32  # of a digest, in hex
_OWN = "own"
# User names and passwords in URLs, and the query.
_USER = re.compile(r"(?<=//)[^/@\s]*@")
_QUERY = re.compile(r"(?<=\?)\S+")


def audited_settings(settings: Settings) -> tuple[Setting, ...]:
    """All settings, by their variables."""
    key = settings.secure_cookie_key
    return tuple(
        _secret(declared.name, field, getattr(settings, field), key)
        if declared.secret
        else _plain(declared, getattr(settings, field))
        for field, declared in declared_variables().items()
    )


def _plain(declared: Variable, value: object) -> Setting:
    """A setting without secret.

    Default paths follow from the working directory, so a path that has a default is never a change at the first start.
    """
    default = value if isinstance(value, Path) and declared.default else declared.parse(declared.default)
    return Setting(name=declared.name, value=_text(value), default=_text(default))


def _secret(name: str, field: str, value: str | bytes | None, key: bytes) -> Setting:
    """A secret setting. The digest of the cookie key itself is comparable under any key."""
    content = value.encode() if isinstance(value, str) else value or b""
    under = _OWN if field == "secure_cookie_key" else _digest(key, "which key")
    return Setting(name=name, value=f"{under}:{_digest(key, f'{name} ', content)}", secret=True)


def _digest(key: bytes, purpose: str, content: bytes = b"") -> str:
    return hmac.digest(key, b"junjo audited setting 1 " + purpose.encode() + content, "sha256").hex()[:_DIGITS]


def _text(value: object) -> str:
    """A value as people write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return f"{value / timedelta(days=1):g}"
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    if isinstance(value, Path):
        return str(value).encode(errors="replace").decode()  # names of files need not be UTF-8
    return without_keys(_QUERY.sub(MASK, _USER.sub(f"{MASK}@", str(value))))
