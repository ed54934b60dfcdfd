"""The public face of RetentionActor: which spans are kept, by the environment and by admins."""

import attrs

from actors.principal import Principal
from actors.runtime.messages import Request
from actors.span_store.asked.retention import RetentionRule

# What a rule may say. Less deletes what came a moment ago, more is no bound.
LEAST_HOURS, MOST_DAYS = 1, 36_500
LEAST_BYTES, MOST_BYTES = 1_000_000, 10**15


@attrs.frozen(kw_only=True)
class CountingRule:
    """The rule that counts, and the part of it that the environment sets: nobody can change that part here."""

    rule: RetentionRule
    fixed: RetentionRule


@attrs.frozen(kw_only=True)
class GetRetention(Request[CountingRule]):
    """Which rule counts now."""


@attrs.frozen(kw_only=True)
class SetRetention(Request[CountingRule]):
    """Set the rule, from now on.

    ``Conflict`` when it changes what the environment sets; ``InvalidRequest`` for less than an hour or a megabyte.
    """

    rule: RetentionRule
    by: Principal
