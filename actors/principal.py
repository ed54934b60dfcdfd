"""Principals: the caller of a request. A transport finds it once; every change names it in the audit trail."""

from enum import Enum

import attrs


class Scope(Enum):
    """A permission of an API key."""

    INGEST = "ingest"  # send spans
    READ = "read"  # read spans
    PLAY = "play"  # run prompts, which costs money
    SQL = "sql"  # ask in SQL
    SCORE = "score"  # judge traces
    STUDIO = "studio"  # what junjo's own client asks
    BACKUP = "backup"  # copy everything, password hashes included; admins alone may give it


class Role(Enum):
    """The role of a user. A member sees all data; an admin also decides about people, others' keys and what is kept."""

    ADMIN = "admin"
    MEMBER = "member"


@attrs.frozen(kw_only=True)
class Client:
    """The client of a request, as far as it is known. ``user_agent`` is cut off after 256 characters."""

    address: str | None = None
    request_id: str | None = None
    user_agent: str | None = None


UNKNOWN_CLIENT = Client()


@attrs.frozen(kw_only=True)
class Principal:
    """A signed-in user, or a program with a user's key, as the audit trail records them.

    ``session_id`` is the public id of the session, never its token. The set-up of the first user has no session: it is
    recorded as ``system@internal`` / ``system``.
    """

    user_id: str
    email: str
    session_id: str | None = None
    key_id: str | None = None  # of the key that stands in for a session
    role: Role = Role.MEMBER
    client: Client = UNKNOWN_CLIENT


SYSTEM = Principal(user_id="system", email="system@internal", role=Role.ADMIN)
