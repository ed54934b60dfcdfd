"""Routes of alerts."""

from typing import Annotated, Any, Final

import attrs

from actors.alerts.messages import (
    MOST_NAME,
    MOST_THRESHOLD,
    MOST_URL,
    AlertInterval,
    ChangeAlert,
    Comparison,
    Condition,
    CreateAlert,
    DeleteAlert,
    GetAlert,
    ListAlertChanges,
    ListAlerts,
    Measure,
    Target,
)
from actors.errors import Conflict, Forbidden, NotFound, Unavailable
from actors.span_store.asked.stats import Subject
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described
from transports.http.framework.rules import Between, MaxLength, NotBlank
from transports.http.wire.alert_answers import (
    FILTER,
    NAME,
    WEBHOOK,
    AlertAnswer,
    AlertChangeAnswer,
    AlertHistoryAnswer,
    AlertsAnswer,
    NewAlertAnswer,
)
from transports.http.wire.cursors import cursor_of, place_after
from transports.http.wire.filter_text import FilterText

_PATH = "/api/v1/alerts"
_ID = {"alert_id": Parameter(description="Id of the alert", example="Nj-i2zCP0XgMNWwCuw2zs")}
_Name = Annotated[str, NotBlank("An alert needs a name"), MaxLength(MOST_NAME)]
_Filter = Annotated[str, FilterText()]
_Threshold = Annotated[float, Between(0.0, MOST_THRESHOLD)]
_Url = Annotated[str, MaxLength(MOST_URL)]
_LEFT_OUT: Final[Any] = object()  # of a change: null means something


def _left_out() -> Any:  # noqa: ANN401 - the field beside it says the type
    return _LEFT_OUT


_OF = described("What is counted: model calls, spans or traces", "calls")
_Q = described("Filter of the spans that are meant, see docs/query.md; all without it", FILTER)
_MEASURE = described("What is compared: durations in nanoseconds, costs in US dollars", "cost_usd")
_INTERVAL = described("How far back it looks, from the minute of the check", "1d")
_OP = described("Fire while the value is above the threshold, or below it", ">")
_THRESHOLD = described("What the value is compared with", 50.0)
_WEBHOOK = described("Where changes are sent: a URL of http or https without a user; null for nowhere", WEBHOOK)


@attrs.frozen(kw_only=True)
class NewAlert:
    """What somebody wants to be told of."""

    name: _Name = attrs.field(metadata=described("What it is for", NAME))
    q: _Filter = attrs.field(default="", metadata=_Q)
    of: Subject = attrs.field(default=Subject.CALLS, metadata=_OF)
    measure: Measure = attrs.field(metadata=_MEASURE)
    interval: AlertInterval = attrs.field(metadata=_INTERVAL)
    op: Comparison = attrs.field(metadata=_OP)
    threshold: _Threshold = attrs.field(metadata=_THRESHOLD)
    webhook: _Url | None = attrs.field(default=None, metadata=_WEBHOOK)


@attrs.frozen(kw_only=True)
class AlertChanges:
    """Changes of an alert. What is left out stays as it is."""

    name: _Name = attrs.field(factory=_left_out, metadata=described("What it is for", NAME))
    q: _Filter = attrs.field(factory=_left_out, metadata=_Q)
    of: Subject = attrs.field(factory=_left_out, metadata=_OF)
    measure: Measure = attrs.field(factory=_left_out, metadata=_MEASURE)
    interval: AlertInterval = attrs.field(factory=_left_out, metadata=_INTERVAL)
    op: Comparison = attrs.field(factory=_left_out, metadata=_OP)
    threshold: _Threshold = attrs.field(factory=_left_out, metadata=_THRESHOLD)
    webhook: _Url | None = attrs.field(factory=_left_out, metadata=_WEBHOOK)

    def given(self) -> dict[str, Any]:
        """What is not left out."""
        fields = attrs.asdict(self, recurse=False)
        return {name: value for name, value in fields.items() if value is not _LEFT_OUT}


@attrs.frozen(kw_only=True)
class HistoryQuery:
    """A page of the history."""

    limit: Annotated[int, Between(1, 1000)] = attrs.field(default=50, metadata=described("Most changes to answer", 50))
    after: str | None = attrs.field(
        default=None, metadata=described("The next of an earlier answer: go on behind it", "WyI1ZTg4IiwxXQ")
    )


@attrs.frozen
class _Place:
    position: int


async def create_alert(call: Call[NewAlert, None]) -> NewAlertAnswer:
    given = attrs.asdict(call.body, recurse=False)
    name, webhook = given.pop("name"), given.pop("webhook")
    request = CreateAlert(name=name, condition=Condition(**given), webhook=webhook, by=call.by)
    return NewAlertAnswer.of_created(await call.bus.ask(request))


async def list_alerts(call: Call[None, None]) -> AlertsAnswer:
    alerts = await call.bus.ask(ListAlerts())
    return AlertsAnswer(alerts=[AlertAnswer.of_alert(alert, call.by) for alert in alerts])


async def get_alert(call: Call[None, None]) -> AlertAnswer:
    return AlertAnswer.of_alert(await call.bus.ask(GetAlert(id=call.path("alert_id"))), call.by)


async def change_alert(call: Call[AlertChanges, None]) -> AlertAnswer:
    given = call.body.given()
    if "webhook" in given:
        given["webhook"] = Target(url=given["webhook"])
    request = ChangeAlert(id=call.path("alert_id"), **given, by=call.by)
    return AlertAnswer.of_alert(await call.bus.ask(request), call.by)


async def delete_alert(call: Call[None, None]) -> None:
    await call.bus.ask(DeleteAlert(id=call.path("alert_id"), by=call.by))


async def list_alert_changes(call: Call[None, HistoryQuery]) -> AlertHistoryAnswer:
    cursor = call.query.after
    after = None if cursor is None else place_after(call.request, cursor, _Place).position
    page = await call.bus.ask(ListAlertChanges(id=call.path("alert_id"), limit=call.query.limit, after=after))
    return AlertHistoryAnswer(
        changes=[AlertChangeAnswer.of(change) for change in page.changes],
        next=None if page.next is None else cursor_of(call.request, _Place(page.next)),
    )


def _route(method: str, path: str, handler: Handler, summary: str, **more: Any) -> Route:  # noqa: ANN401 - Route checks the names
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=Access.SESSION,
        tag="alerts",
        only_known=True,
        **more,
    )


ROUTES = (
    _route(
        "GET",
        _PATH,
        list_alerts,
        "List all alerts with their states, the latest first",
        answers=AlertsAnswer,
        errors=(Unavailable,),
    ),
    _route(
        "POST",
        _PATH,
        create_alert,
        "Make an alert, which is checked once a minute",
        body=NewAlert,
        answers=NewAlertAnswer,
        status=201,
        errors=(Conflict, Unavailable),
    ),
    _route(
        "GET",
        f"{_PATH}/{{alert_id}}",
        get_alert,
        "One alert with its state",
        answers=AlertAnswer,
        errors=(NotFound, Unavailable),
        path_parameters=_ID,
    ),
    _route(
        "PATCH",
        f"{_PATH}/{{alert_id}}",
        change_alert,
        "Change an alert; with another condition it begins anew",
        body=AlertChanges,
        answers=AlertAnswer,
        errors=(Forbidden, NotFound, Unavailable),
        path_parameters=_ID,
    ),
    _route(
        "DELETE",
        f"{_PATH}/{{alert_id}}",
        delete_alert,
        "Drop an alert and its history",
        answers=None,
        status=204,
        errors=(Forbidden, NotFound, Unavailable),
        path_parameters=_ID,
    ),
    _route(
        "GET",
        f"{_PATH}/{{alert_id}}/history",
        list_alert_changes,
        "List the changes of an alert's state, the latest first",
        query=HistoryQuery,
        answers=AlertHistoryAnswer,
        errors=(NotFound, Unavailable),
        path_parameters=_ID,
    ),
)
