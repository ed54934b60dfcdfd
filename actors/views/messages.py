"""The public face of ViewsActor: what people look at again and again, under a name."""

from enum import Enum

import attrs

from actors.principal import Principal
from actors.runtime.messages import Request

MOST_NAME = 100  # characters
MOST_PARAMETERS = 16_384  # characters: those of a long filter or statement, encoded
MOST_OF_OWNER = 200  # views


class Page(Enum):
    """The page of the console that a view is of."""

    TRACES = "traces"
    LIVE = "live"
    SESSIONS = "sessions"
    DASHBOARD = "dashboard"
    SQL = "sql"


@attrs.frozen(kw_only=True)
class ViewOwner:
    """The user who saved a view."""

    id: str
    email: str


@attrs.frozen(kw_only=True)
class View:
    """A filter, its columns, and whatever else the address of a page says. ``created_at`` is in Unix nanoseconds."""

    id: str
    name: str
    page: Page
    parameters: str
    is_shared: bool
    owner: ViewOwner
    created_at: int


@attrs.frozen(kw_only=True)
class ListViews(Request[tuple[View, ...]]):
    """A user's own views and those that are shared, by name; only those of a page, if one is named."""

    page: Page | None = None
    by: Principal


@attrs.frozen(kw_only=True)
class SaveView(Request[View]):
    """Save a view. It takes the place of the user's own one of this name and page, if there is one.

    ``Conflict`` when the user has too many, and ``InvalidRequest`` for texts that are too long.
    """

    name: str
    page: Page
    parameters: str
    is_shared: bool
    by: Principal


@attrs.frozen(kw_only=True)
class DeleteView(Request[None]):
    """Drop a view of one's own; an admin may drop any that is shared. ``NotFound`` for all others."""

    id: str
    by: Principal
