"""Which traces are stored."""

import attrs

from actors.runtime.messages import Request

MOST_TRACES = 1000


@attrs.frozen(kw_only=True)
class FindStoredTraces(Request[frozenset[str]]):
    """Those of the traces, ``MOST_TRACES`` at most, of which a span is stored now."""

    trace_ids: tuple[str, ...] = attrs.field(validator=attrs.validators.max_len(MOST_TRACES))
