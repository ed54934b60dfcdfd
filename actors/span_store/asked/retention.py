"""Which spans are kept: the rule, and what one would delete."""

from datetime import timedelta

import attrs

from actors.runtime.messages import Request


@attrs.frozen(kw_only=True)
class RetentionRule:
    """How old stored spans may be, and how many bytes they may take. ``None`` is no bound."""

    age: timedelta | None = None
    size: int | None = None


@attrs.frozen(kw_only=True)
class UseRetention(Request[None]):
    """Keep what this rule keeps, from the next look on, which is made at once."""

    rule: RetentionRule


@attrs.frozen(kw_only=True)
class RetentionPreview:
    """What a rule would delete now. Spans in memory are not looked at: they go once they are in a file.

    ``oldest_start_unix_nano`` is the start of the oldest span that stays, ``None`` when none does. ``waits`` says why
    nothing goes for its age now; it will, later.
    """

    spans: int
    segments: int
    bytes: int  # of the files that go
    oldest_start_unix_nano: int | None
    waits: str | None


@attrs.frozen(kw_only=True)
class PreviewRetention(Request[RetentionPreview]):
    """What a rule would delete if it counted now. Nothing is changed."""

    rule: RetentionRule
