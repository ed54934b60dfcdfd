"""Answers that several routes share."""

import attrs

from transports.http.framework.route import described


@attrs.frozen(kw_only=True)
class Message:
    """Confirmation of a change."""

    message: str = attrs.field(metadata=described("What happened", "signed in"))
