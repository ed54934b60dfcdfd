"""The public face of IngestionActor."""

import attrs

from actors.runtime.messages import Request


@attrs.frozen(kw_only=True)
class IngestionState:
    """The state of the pull from the external ingestion service. Counts are since the studio started."""

    connected: bool  # the latest pull succeeded
    fault: str  # why it did not, "" otherwise
    stored: int  # spans pulled and durable, re-sent ones included
    corrupt: int  # rows that were no span, logged and skipped
    remaining: int | None  # rows that still wait there, where the service says so


@attrs.frozen(kw_only=True)
class GetIngestionState(Request[IngestionState]):
    """Read the state of the pull."""
