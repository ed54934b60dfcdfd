"""The public face of IngestionActor."""

import attrs

from actors.runtime.messages import Request


@attrs.frozen(kw_only=True)
class IngestionState:
    """How the pull from the external ingestion service goes. Counts are since the studio started."""

    connected: bool  # the latest pull succeeded
    fault: str  # why it did not, "" otherwise
    stored: int  # spans pulled and durable, re-sent ones included
    corrupt: int  # rows that were no span, logged and passed
    remaining: int | None  # rows that still wait there, where the service says so


@attrs.frozen(kw_only=True)
class GetIngestionState(Request[IngestionState]):
    """How does the pull go?"""
