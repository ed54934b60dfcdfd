"""The settings as the audit trail compares them from start to start.

It names values, and of a secret only that it changed: what is kept for that is a digest under the cookie key, which is
in no backup and opens the provider keys anyway, so that nobody can try out secrets on it who has not got more already.
Under another cookie key no digest is comparable.
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
# Names and passwords in URLs, and what stands behind a question mark.
_USER = re.compile(r"(?<=//)[^/@\s]*@")
_QUERY = re.compile(r"(?<=\?)\S+")


def audited_settings(settings: Settings) -> tuple[Setting, ...]:
    """All of them, by their variables."""
    key = settings.secure_cookie_key
    return tuple(
        _secret(declared.name, field, getattr(settings, field), key)
        if declared.secret
        else _plain(declared, getattr(settings, field))
        for field, declared in declared_variables().items()
    )


def _plain(declared: Variable, value: object) -> Setting:
    """Where data lies by default follows from where the studio is started, and so is never a change of the first."""
    default = value if isinstance(value, Path) else declared.parse(declared.default)
    return Setting(name=declared.name, value=_text(value), default=_text(default))


def _secret(name: str, field: str, value: str | bytes | None, key: bytes) -> Setting:
    """That of the cookie key itself is comparable whatever the key."""
    content = value.encode() if isinstance(value, str) else value or b""
    under = _OWN if field == "secure_cookie_key" else _digest(key, "which key")
    return Setting(name=name, value=f"{under}:{_digest(key, f'{name} ', content)}", secret=True)


def _digest(key: bytes, purpose: str, content: bytes = b"") -> str:
    return hmac.digest(key, b"junjo audited setting 1 " + purpose.encode() + content, "sha256").hex()[:_DIGITS]


def _text(value: object) -> str:
    """As people write it."""
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
