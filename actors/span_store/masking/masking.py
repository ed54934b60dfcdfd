"""Masking of spans and log records, by the rules of ``JUNJO_MASK``."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import attrs

from actors.span_store.columns.spans import (
    Attributes,
    AttributeValue,
    InstrumentationScope,
    Resource,
    Span,
    SpanEvent,
    SpanLink,
)
from actors.span_store.masking.findings import Findings, Rules
from actors.span_store.masking.json_text import masked_text
from actors.span_store.masking.tree import masked_attributes, masked_value

# Where it is said what was masked: how often each pattern was found, by its name.
MASKED = "junjo.masked"

Holder = TypeVar("Holder", Resource, InstrumentationScope)


class LogRecord(Protocol):
    """What is masked in a log record, which is a named tuple with these and other fields."""

    @property
    def event_name(self) -> str: ...

    @property
    def severity_text(self) -> str: ...

    @property
    def body(self) -> AttributeValue: ...

    @property
    def attributes(self) -> Attributes: ...

    @property
    def resource(self) -> Resource: ...

    @property
    def scope(self) -> InstrumentationScope: ...


Record = TypeVar("Record", bound=LogRecord)


@attrs.frozen
class Masking:
    """Rules of what is masked. ``written`` is what they were read from."""

    rules: Rules
    written: str = ""

    def __str__(self) -> str:
        return self.written

    def spans(self, spans: Iterable[Span]) -> list[Span]:
        """The spans, masked. What was masked is in the attribute ``junjo.masked`` of a span, or what it shares.

        Masked are attributes, with those of events, links, resources and scopes; names, status messages and trace
        states. Where two keys become one, the last value counts. CPU-heavy: run it off the event loop for many.
        """
        given = list(spans)
        findings = Findings(self.rules)
        return findings.settled(lambda: _Walk(findings).spans(given))

    def logs(self, records: Iterable[Record]) -> list[Record]:
        """The log records, masked: attributes and body, event name and severity, and what they share, as with spans."""
        given = list(records)
        findings = Findings(self.rules)
        return findings.settled(lambda: _Walk(findings).logs(given))

    def tree(self, attributes: Attributes, value: AttributeValue = None) -> tuple[Attributes, AttributeValue]:
        """Attributes, and a value such as the body of a log record, masked; the attributes say so."""
        findings = Findings(self.rules)

        def walk() -> tuple[Attributes, AttributeValue]:
            findings.take_counts()
            made, new = masked_attributes(attributes, findings), masked_value(value, findings)
            return told(made, findings.take_counts()), new

        return findings.settled(walk)


def told(attributes: Attributes, counts: Mapping[str, int]) -> Attributes:
    """The attributes, and what was masked. What another studio has masked before counts, too."""
    if not counts:
        return attributes
    before = attributes.get(MASKED)
    kept = {name: count for name, count in before.items() if type(count) is int} if isinstance(before, Mapping) else {}
    return {**attributes, MASKED: {**kept, **{name: kept.get(name, 0) + count for name, count in counts.items()}}}


class _Walk:
    """One walk over spans. What spans share is visited once, and shared again."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._findings.take_counts()
        self._shared: dict[int, Any] = {}  # what spans share, by the identity of what it was

    def spans(self, spans: list[Span]) -> list[Span]:
        """The spans, masked as far as it is known what is in them."""
        return [self._span(span) for span in spans]

    def logs(self, records: list[Record]) -> list[Record]:
        """The log records, masked as far as it is known what is in them."""
        return [self._log(record) for record in records]

    def _log(self, record: Record) -> Record:
        resource, scope = self._common(record.resource), self._common(record.scope)
        made = {
            "event_name": self._findings.leaf(record.event_name),
            "severity_text": self._findings.leaf(record.severity_text),
            "body": masked_value(record.body, self._findings),
        }
        attributes = self._attributes(record.attributes)
        told_of = told(attributes, self._findings.take_counts())
        named_tuple: Any = record  # whose ``_replace`` no protocol can have
        masked: Record = named_tuple._replace(**made, attributes=told_of, resource=resource, scope=scope)
        return masked

    def _span(self, span: Span) -> Span:
        resource, scope = self._common(span.resource), self._common(span.scope)
        made = span._replace(
            name=self._findings.leaf(span.name),
            trace_state=self._findings.leaf(span.trace_state),
            status_message=masked_text(span.status_message, self._findings),
            attributes=self._attributes(span.attributes),
            events=[self._event(event) for event in span.events] if span.events else (),
            links=[self._link(link) for link in span.links] if span.links else (),
            resource=resource,
            scope=scope,
        )
        return made._replace(attributes=told(made.attributes, self._findings.take_counts()))

    def _event(self, event: SpanEvent) -> SpanEvent:
        return event._replace(name=self._findings.leaf(event.name), attributes=self._attributes(event.attributes))

    def _link(self, link: SpanLink) -> SpanLink:
        state = self._findings.leaf(link.trace_state)
        return link._replace(trace_state=state, attributes=self._attributes(link.attributes))

    def _attributes(self, attributes: Attributes) -> Attributes:
        return masked_attributes(attributes, self._findings)

    def _common(self, holder: Holder) -> Holder:
        if id(holder) not in self._shared:
            attributes = told(self._attributes(holder.attributes), self._findings.take_counts())
            self._shared[id(holder)] = holder._replace(attributes=attributes)
        made: Holder = self._shared[id(holder)]
        return made
