"""Makes the details of one stored span."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from actors.errors import NotFound
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.traces.detail import (
    LARGEST,
    SHOWN,
    AttributeValue,
    Dropped,
    Event,
    Link,
    Scope,
    SpanDetail,
    Truncated,
)
from actors.span_store.traces.summary import SpanSummary
from actors.span_store.traces.told import cost_of, logs_of, said_by

_LISTS = {"event": "events", "link": "links"}
_NO_SUCH = "The span has no such attribute"


def span_detail(span: StoredSpan, summary: SpanSummary) -> SpanDetail:
    """All that is stored of the span. Values of more than ``LARGEST`` bytes are their beginning."""
    cut = _Cut()
    resource, scope = orjson.loads(span.resource_json), orjson.loads(span.scope_json)
    return SpanDetail(
        span=summary,
        attributes=cut.shown("attributes", orjson.loads(span.attributes_json)),
        events=tuple(_event(cut, *each) for each in enumerate(orjson.loads(span.events_json))),
        links=tuple(_link(cut, *each) for each in enumerate(orjson.loads(span.links_json))),
        resource=cut.shown("resource", resource["attributes"]),
        scope=Scope(
            name=scope["name"], version=scope["version"], attributes=cut.shown("scope", scope.get("attributes", {}))
        ),
        dropped=Dropped(
            attributes=span.dropped_attributes_count,
            events=span.dropped_events_count,
            links=span.dropped_links_count,
        ),
        said=said_by(span),
        logs=logs_of(span),
        cost=cost_of(summary),
        truncated=tuple(cut.truncated),
    )


def _event(cut: "_Cut", number: int, event: Mapping[str, Any]) -> Event:
    return Event(
        name=event["name"],
        time_unix_nano=event["timeUnixNano"],
        attributes=cut.shown(f"event.{number}", event["attributes"]),
        dropped_attributes=event["droppedAttributesCount"],
    )


def _link(cut: "_Cut", number: int, link: Mapping[str, Any]) -> Link:
    return Link(
        trace_id=link["traceId"],
        span_id=link["spanId"],
        trace_state=link["traceState"] or None,
        flags=link["flags"],
        attributes=cut.shown(f"link.{number}", link["attributes"]),
    )


class _Cut:
    """Cuts large values, and knows which ones it has cut."""

    def __init__(self) -> None:
        self.truncated: list[Truncated] = []

    def shown(self, within: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._value(within, key, value) for key, value in attributes.items()}

    def _value(self, within: str, key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(value, str | list | dict):
            return value
        if isinstance(value, str) and 4 * len(value) <= LARGEST:  # no character has more bytes
            return value
        text = value.encode() if isinstance(value, str) else orjson.dumps(value)
        if len(text) <= LARGEST:
            return value
        self.truncated.append(Truncated(within=within, key=key, bytes=len(text)))
        return text[:SHOWN].decode(errors="ignore")


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
