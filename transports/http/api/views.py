"""Routes of the views that people save."""

from typing import Annotated, Any

import attrs

from actors.errors import Conflict, NotFound
from actors.views.messages import (
    MOST_NAME,
    MOST_OF_OWNER,
    MOST_PARAMETERS,
    DeleteView,
    ListViews,
    Page,
    SaveView,
    View,
)
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import MaxLength, NotBlank
from transports.http.wire.moments import time_text

_PATH = "/api/v1/views"
_PARAMETERS = "q=status%3Aerror&cols=start%2Cname%2Ccost"
_OWNER = {"id": "usr_2ms", "email": "ada@example.com"}
_VIEW = {
    "id": "Nj-i2zCP0XgMNWwCuw2zs",
    "name": "What failed",
    "page": "traces",
    "parameters": _PARAMETERS,
    "shared": True,
    "owner": _OWNER,
    "own": True,
    "created_at": "2026-11-30T07:00:00.123Z",
}
_ID = {"view_id": Parameter(description="Id of the view", example="Nj-i2zCP0XgMNWwCuw2zs")}
_OF_PAGE = described("The page of the console that it is of", "traces")


@attrs.frozen(kw_only=True)
class NewView:
    """What a page of the console shows, to be kept under a name."""

    name: Annotated[str, NotBlank("A view needs a name"), MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Its name; one's own view of this name and page is replaced", _VIEW["name"])
    )
    page: Page = attrs.field(default=Page.TRACES, metadata=_OF_PAGE)
    parameters: Annotated[str, MaxLength(MOST_PARAMETERS)] = attrs.field(
        metadata=described("The query of the page's address: filter, columns, order, range of time", _PARAMETERS)
    )
    shared: bool = attrs.field(default=False, metadata=described("Whether everybody sees it", True))


@attrs.frozen(kw_only=True)
class ViewOwnerAnswer:
    """Who saved a view."""

    id: str = attrs.field(metadata=described("Id of the user", _OWNER["id"]))
    email: str = attrs.field(metadata=described("E-mail address at that time", _OWNER["email"]))


@attrs.frozen(kw_only=True)
class SavedViewAnswer:
    """A saved view."""

    id: str = attrs.field(metadata=described("Id of the view", _VIEW["id"]))
    name: str = attrs.field(metadata=described("Its name", _VIEW["name"]))
    page: Page = attrs.field(metadata=_OF_PAGE)
    parameters: str = attrs.field(metadata=described("The query of the page's address", _PARAMETERS))
    shared: bool = attrs.field(metadata=described("Whether everybody sees it", True))
    owner: ViewOwnerAnswer = attrs.field(metadata=described("Who saved it", _OWNER))
    own: bool = attrs.field(metadata=described("Whether that is the caller", True))
    created_at: str = attrs.field(
        metadata=described("When it was saved", _VIEW["created_at"]) | {"format": "date-time"}
    )


@attrs.frozen(kw_only=True)
class SavedViewsAnswer:
    """One's own views, and those that are shared."""

    views: list[SavedViewAnswer] = attrs.field(metadata=described("By name", [_VIEW]))


@attrs.frozen(kw_only=True)
class ViewsQuery:
    """A selection of views."""

    page: Page | None = attrs.field(default=None, metadata=described("Only views of this page", "traces"))


async def list_views(call: Call[None, ViewsQuery]) -> SavedViewsAnswer:
    views = await call.bus.ask(ListViews(page=call.query.page, by=call.by))
    return SavedViewsAnswer(views=[_answer(view, call.by.user_id) for view in views])


async def save_view(call: Call[NewView, None]) -> SavedViewAnswer:
    wanted = call.body
    request = SaveView(
        name=wanted.name, page=wanted.page, parameters=wanted.parameters, is_shared=wanted.shared, by=call.by
    )
    return _answer(await call.bus.ask(request), call.by.user_id)


async def delete_view(call: Call[None, None]) -> None:
    await call.bus.ask(DeleteView(id=call.path("view_id"), by=call.by))


def _answer(view: View, user_id: str) -> SavedViewAnswer:
    return SavedViewAnswer(
        id=view.id,
        name=view.name,
        page=view.page,
        parameters=view.parameters,
        shared=view.is_shared,
        owner=ViewOwnerAnswer(id=view.owner.id, email=view.owner.email),
        own=view.owner.id == user_id,
        created_at=time_text(view.created_at),
    )


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=Access.SESSION,
        tag="views",
        only_known=True,
        **more,
    )


ROUTES = (
    _route(
        "GET",
        _PATH,
        list_views,
        "List the views that one has saved, and those that are shared",
        query=ViewsQuery,
        answers=SavedViewsAnswer,
    ),
    _route(
        "POST",
        _PATH,
        save_view,
        f"Save what a page of the console shows, {MOST_OF_OWNER} views at most",
        body=NewView,
        answers=SavedViewAnswer,
        status=201,
        errors=(Conflict,),
    ),
    _route(
        "DELETE",
        f"{_PATH}/{{view_id}}",
        delete_view,
        "Drop a view of one's own; admins may drop any that is shared",
        answers=None,
        status=204,
        errors=(NotFound,),
        path_parameters=_ID,
    ),
)
