"""Strict password rules, beyond the length: passwords that attackers try first are refused.

They apply under JUNJO_PASSWORD_RULES=strict, the default of production, where a password is set; never at sign-in.
"""

from functools import cache
from importlib import resources


def faults_in(password: str, email: str) -> str | None:
    """Why this account should not have this password, a sentence for its user; ``None`` when nothing is wrong."""
    folded, address = password.casefold(), email.casefold()
    if len(set(folded)) == 1:
        return "Password must not be one character over and over"
    if folded in (address, address.rpartition("@")[0]):
        return "Password must not be the e-mail address or its first part"
    if folded in _frequent():
        return "Password must not be one of those that very many people use"
    return None


@cache
def _frequent() -> frozenset[str]:
    """The most frequent passwords, in lower case; read when the first password is set."""
    text = (resources.files(__package__) / "frequent_passwords.txt").read_text("ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
