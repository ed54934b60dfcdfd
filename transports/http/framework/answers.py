"""Answers that several features share."""

import attrs

from transports.http.framework.route import described


@attrs.frozen(kw_only=True)
class Message:
    """A change that was made."""

    message: str = attrs.field(metadata=described("What happened", "signed in"))
