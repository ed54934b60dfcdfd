"""State of a request that the studio adds to it."""

import attrs


@attrs.frozen
class Renewed:
    """A renewed session: its cookie is to be sent again, good for ``max_age`` seconds."""

    cookie: str = attrs.field(repr=False)
    max_age: int


@attrs.define(eq=False)
class RequestState:
    """Request id and renewed session of one request. One object, because each look-up in a request costs."""

    request_id: str
    renewed: Renewed | None = None
