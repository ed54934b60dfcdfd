"""What the studio knows of a request beside what it says."""

import attrs

from actors.session.messages import CheckedSession


@attrs.define(eq=False)
class Visit:
    """One request on its way through the layers. In one place, because each look into a request costs."""

    request_id: str
    renewed: CheckedSession | None = None  # its session, where the cookie should be sent again
