"""What the studio knows of a request beside what it says."""

import attrs


@attrs.frozen
class Renewed:
    """A session whose cookie should be sent again, and for how many seconds it is good."""

    cookie: str = attrs.field(repr=False)
    max_age: int


@attrs.define(eq=False)
class RequestState:
    """One request on its way through the layers. In one place, because each look into a request costs."""

    request_id: str
    renewed: Renewed | None = None
