"""The lifetime of a session."""

from datetime import datetime, timedelta

import attrs


@attrs.frozen(kw_only=True)
class SessionLifetime:
    """A session ends ``idle`` after its last use, and ``absolute`` after sign-in at the latest.

    Thirty days is the lifetime that the product's contract gives the cookie.
    """

    idle: timedelta = timedelta(days=7)
    absolute: timedelta = timedelta(days=30)

    def end(self, authenticated_at: datetime, last_seen_at: datetime) -> datetime:
        """The earlier of the two ends."""
        return min(self.absolute_end(authenticated_at), last_seen_at + self.idle)

    def absolute_end(self, authenticated_at: datetime) -> datetime:
        return authenticated_at + self.absolute
