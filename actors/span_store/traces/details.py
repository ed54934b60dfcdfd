"""Makes the details of one stored span."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from actors.errors import NotFound
from actors.span_store.columns.logs import StoredLog, log_detail
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import MOST_LOG_BYTES
from actors.span_store.pricing.book import PriceBook
from actors.span_store.traces.detail import (
    AttributeValue,
    Dropped,
    Event,
    Link,
    Scope,
    SpanDetail,
    Truncated,
)
from actors.span_store.traces.large_values import LargeValues
from actors.span_store.traces.summary import SpanSummary
from actors.span_store.traces.told import cost_of, said_by

_LISTS = {"event": "events", "link": "links"}
_ALL_LOGS = Truncated(within="logs", key="", bytes=MOST_LOG_BYTES)
_NO_SUCH = "The span has no such attribute"


def span_detail(
    span: StoredSpan, summary: SpanSummary, logs: Sequence[StoredLog] | None, book: PriceBook
) -> SpanDetail:
    """All that is stored of the span. Values of more than ``LARGEST`` bytes are their beginning.

    ``logs`` is ``None`` where there are more than ``MOST_LOG_BYTES``; none are shown then.
    """
    told = [log_detail(log) for log in logs or ()]
    large = LargeValues()
    resource = orjson.loads(span.resource_json)
    return SpanDetail(
        span=summary,
        attributes=large.all_shown("attributes", orjson.loads(span.attributes_json)),
        events=tuple(_event(large, *each) for each in enumerate(orjson.loads(span.events_json))),
        links=tuple(_link(large, *each) for each in enumerate(orjson.loads(span.links_json))),
        resource=large.all_shown("resource", resource["attributes"]),
        scope=_scope(large, orjson.loads(span.scope_json)),
        dropped=Dropped(
            attributes=span.dropped_attributes_count,
            events=span.dropped_events_count,
            links=span.dropped_links_count,
        ),
        said=said_by(span, told, large),
        logs=tuple(_log(large, *each) for each in enumerate(told)),
        cost=cost_of(summary, book),
        truncated=(*large.truncated, *((_ALL_LOGS,) if logs is None else ())),
    )


def _event(large: LargeValues, number: int, event: Mapping[str, Any]) -> Event:
    return Event(
        name=event["name"],
        time_unix_nano=event["timeUnixNano"],
        attributes=large.all_shown(f"event.{number}", event["attributes"]),
        dropped_attributes=event["droppedAttributesCount"],
    )


def _scope(large: LargeValues, scope: Mapping[str, Any]) -> Scope:
    attributes = large.all_shown("scope", scope.get("attributes", {}))
    return Scope(name=scope["name"], version=scope["version"], attributes=attributes)


def _log(large: LargeValues, number: int, log: dict[str, Any]) -> dict[str, Any]:
    within = f"log.{number}"
    body = large.shown(within, "body", log["body"])
    return log | {"body": body, "attributes": large.all_shown(within, log["attributes"])}


def _link(large: LargeValues, number: int, link: Mapping[str, Any]) -> Link:
    return Link(
        trace_id=link["traceId"],
        span_id=link["spanId"],
        trace_state=link["traceState"] or None,
        flags=link["flags"],
        attributes=large.all_shown(f"link.{number}", link["attributes"]),
    )


def attribute_value(span: StoredSpan, within: str, key: str) -> AttributeValue:
    """One value whole. ``within`` is as in ``Truncated``. ``NotFound`` when the span has no such attribute."""
    plain = _attributes(_document(span), within)
    if key not in plain:
        raise NotFound(_NO_SUCH)
    value = plain[key]
    if not isinstance(value, str):
        return AttributeValue(media_type="application/json", content=orjson.dumps(value))
    if span.exact_json is not None:
        exact = _attributes(orjson.loads(span.exact_json), within)
        found: dict[str, Any] = next((each["value"] for each in exact if each["key"] == key), {})
        if "bytesValue" in found:
            return AttributeValue(media_type="application/octet-stream", content=b64decode(found["bytesValue"]))
    return AttributeValue(media_type="text/plain", content=value.encode())


def _document(span: StoredSpan) -> dict[str, Any]:
    """Where its attributes are, as in ``exact_json``."""
    texts = {"events": span.events_json, "links": span.links_json, "resource": span.resource_json}
    return {
        "attributes": orjson.loads(span.attributes_json),
        "scope": orjson.loads(span.scope_json),
        **{name: orjson.loads(text) for name, text in texts.items()},
    }


def _attributes(document: Mapping[str, Any], within: str) -> Any:  # noqa: ANN401 - an object, or a list in the exact form
    """``NotFound`` when the span has no such event or link."""
    if within == "attributes":
        return document["attributes"]
    place, _, number = within.partition(".")
    if place not in _LISTS:
        return document[place].get("attributes", {})
    items: Sequence[Mapping[str, Any]] = document[_LISTS[place]]
    if int(number) >= len(items):
        raise NotFound(_NO_SUCH)
    return items[int(number)]["attributes"]
