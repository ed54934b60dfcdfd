"""Who asks. A transport finds out once; every change names it in the audit trail."""

from enum import Enum

import attrs


class Scope(Enum):
    """What an API key may do."""

    INGEST = "ingest"  # send spans
    READ = "read"  # read spans
    PLAY = "play"  # run prompts, which costs money
    BACKUP = "backup"  # copy everything, password hashes included


@attrs.frozen(kw_only=True)
class Principal:
    """A signed-in user, as the audit trail records them.

    ``session_id`` is the public id of the session, never its token. The set-up of the first user has no session: it is
    recorded as ``system@internal`` / ``system``.
    """

    user_id: str
    email: str
    session_id: str | None = None


SYSTEM = Principal(user_id="system", email="system@internal")
