"""Errors that a caller should hear about.

A ``StudioError`` is a normal answer: an actor raises it, the bus carries it to the asker, and the table in
``transports/errors.py`` maps it to the wire. Its text may be shown to a user, so it holds no secret.
"""

from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Problem:
    """One fault in a request, in the form that FastAPI's clients know (an item of a 422 answer).

    ``location`` starts with "body", "query" or "path"; ``context`` becomes ``ctx`` and is left out when ``None``.
    """

    type: str
    location: tuple[str | int, ...]
    message: str
    input: Any = None  # what the client sent, of any JSON shape
    context: dict[str, Any] | None = None


class StudioError(Exception):
    """An answer other than success. ``retry_after`` is in seconds, where waiting helps."""

    retry_after: float | None = None

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class RetryableError(StudioError):
    """The same request may succeed later."""

    def __init__(self, detail: str, *, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class InvalidRequest(StudioError):
    """The request is malformed. ``problems`` names each fault; it is empty where one sentence says it all."""

    def __init__(self, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.problems = problems


class Refused(StudioError):
    """The request is well formed, but a rule of the product forbids it."""


class UnsupportedMedia(StudioError):
    """The content type or content encoding is not supported."""


class Unauthenticated(StudioError):
    """The request has no valid session or key."""


class Forbidden(StudioError):
    """The caller is known, but not allowed to do this."""


class Misdirected(StudioError):
    """The request is meant for another server, by the host name that was used."""


class NotFound(StudioError):
    """The named thing does not exist."""


class Conflict(StudioError):
    """The change contradicts what is stored."""


class TooLarge(StudioError):
    """The request is over a size limit; sending it again will not help."""


class TooSlow(StudioError):
    """The request did not arrive in time."""


class NeedsRoom(StudioError):
    """The answer takes more bytes than the asker has room for.

    Asked again with room for ``bytes``, it may be answered.
    """

    def __init__(self, needed: int) -> None:
        super().__init__(f"The answer takes {needed} bytes")
        self.bytes = needed


class HeadersTooLarge(StudioError):
    """The headers of a request are too long or too many."""


class UrlTooLong(StudioError):
    """The request line is too long."""


class Throttled(RetryableError):
    """The caller exceeds its share."""


class Overloaded(RetryableError):
    """A bounded queue is full; nothing was accepted."""


class Unavailable(RetryableError):
    """The part that would answer is starting, restarting or stopping, or its disk fails."""


class DeadlineExceeded(StudioError):
    """No reply came in time."""


class ProviderFailed(StudioError):
    """An LLM provider failed."""


class InternalError(StudioError):
    """A fault of ours. The cause is in the log, never in the answer."""
