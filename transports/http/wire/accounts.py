"""E-mail addresses and passwords in requests."""

from typing import Annotated

import attrs

from actors.errors import Problem
from actors.session.password_rules import faults_in
from transports.http.config import HttpConfig
from transports.http.framework.route import described
from transports.http.framework.rules import EmailAddress, MaxLength, MinLength
from transports.http.framework.validation import invalid
from transports.masking import MASK

Email = Annotated[str, EmailAddress()]
# 8 is the reference's minimum, and its users know the text; 1024 bounds the work of hashing.
NewPassword = Annotated[str, MinLength(8, "Password must be at least 8 characters"), MaxLength(1024)]


@attrs.frozen(kw_only=True)
class NewUser:
    """An account to be created."""

    email: Email = attrs.field(metadata=described("E-mail address, the name to sign in with", "ada@example.com"))
    password: NewPassword = attrs.field(
        repr=False, metadata=described("Password of 8 to 1024 characters", "correct horse battery")
    )


@attrs.frozen(kw_only=True)
class Credentials:
    """The credentials of a sign-in. A password of any length may be wrong."""

    email: Email = attrs.field(metadata=described("E-mail address of the account", "ada@example.com"))
    password: str = attrs.field(repr=False, metadata=described("Password of the account", "correct horse battery"))


def require_good_password(config: HttpConfig, password: str, email: str, member: str = "password") -> None:
    """Raise ``InvalidRequest`` when the rules refuse this password for this account.

    ``member`` names the member of the body that holds it.
    """
    fault = faults_in(password, email) if config.strict_passwords else None
    if fault is not None:
        raise invalid(Problem(type="value_error", location=("body", member), message=fault, input=MASK))
