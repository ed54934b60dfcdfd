"""Masking of secrets in answers and logs: values under names of secrets, and texts that look like keys."""

import re
from functools import lru_cache

MASK = "***"

_LENGTH = 64  # of a studio's key
_KEY = re.compile(rf"(?<![0-9A-Za-z])[0-9A-Za-z]{{{_LENGTH},}}")
# Providers' keys begin with a prefix of the provider.
_PROVIDER_KEY = re.compile(r"(?<![0-9A-Za-z])(?:[spr]k-[0-9A-Za-z_-]{16,}|AIza[0-9A-Za-z_-]{20,})")
_NOT_IN_NAMES = re.compile("[^a-z0-9]")
# Spellings of people: password, Password, pass_word, new_password, passwd, pwd, Passwort, api-key, access_token.
_SECRET_NAME = re.compile(
    "pas+w|pas*wor|passphrase|passcode|^pas+$|pwd|^pw$|kennwort|secret|credential|authorization|bearer|cookie"
    "|key$|^keys$|token$|^auth$|^jwt$|^otp$|^pin$"
)


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether the value of a member, parameter or field of this name is likely to be a secret."""
    return _SECRET_NAME.search(_NOT_IN_NAMES.sub("", name[:200].lower())) is not None


def names_a_secret(text: str) -> bool:
    """Whether a text that was not parsed, a form for example, may hold a secret."""
    return any(is_secret_name(word) for word in re.findall(r"[\w-]+", text[:100_000]))


def without_keys(text: str) -> str:
    """Mask everything in the text that looks like a key. Most paths are too short for one, and cost next to nothing."""
    if len(text) >= _LENGTH:
        text = _KEY.sub(MASK, text)
    if "k-" in text or "AIza" in text:
        text = _PROVIDER_KEY.sub(MASK, text)
    return text
