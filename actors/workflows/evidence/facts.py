"""A span as junjo's newer SDK writes it: single facts, values with a policy, and what is wrong with them."""

from typing import Final, TypeGuard, TypeVar

import attrs
import orjson

from actors.workflows.evidence.form import (
    Cancellation,
    Candidate,
    Code,
    ExecutionError,
    Issue,
    JsonText,
    LossCounts,
    Outcome,
    Payload,
    Service,
)
from actors.workflows.json_values import depth_of
from actors.workflows.payload import Payload as RecordedPayload
from actors.workflows.payload import payload_in
from actors.workflows.span import Span, number_in, text_in

T = TypeVar("T")

CONTRACT: Final = 3  # the version of junjo's telemetry contract that is known here
VERSION_KEY: Final = "junjo.telemetry.contract_version"
_MOST_LEVELS: Final = 128  # of JSON, as the contract has it; readers of answers have such bounds
_LARGEST: Final = 2**53 - 1  # of the contract's integers
_MISSING: Final = "contract_evidence_missing"


@attrs.frozen(kw_only=True)
class SentSpan:
    """A span, who sent it, and how much the sender says that it dropped of it."""

    span: Span
    service: Service
    losses: LossCounts


def is_known(span: Span) -> bool:
    """Whether it says what is read here."""
    return span.attributes.get(VERSION_KEY) == CONTRACT


def duration_of(span: Span) -> int:
    """In nanoseconds; 0 for a span without an end."""
    return max((span.end_time_unix_nano or 0) - span.start_time_unix_nano, 0)


def outcome_of(span: Span) -> Outcome:
    if span.flag("junjo.cancelled"):
        return "cancelled"
    return "failed" if span.status == "error" or span.text("error.type") else "completed"


def cancellation_of(span: Span) -> Cancellation | None:
    if not span.flag("junjo.cancelled"):
        return None
    return Cancellation(reason=span.text("junjo.cancelled_reason") or "cancelled")


def error_of(span: Span) -> ExecutionError | None:
    """The last exception that was recorded, where the span failed."""
    if outcome_of(span) != "failed":
        return None
    exceptions = [event["attributes"] for event in span.events if event["name"] == "exception"]
    last = exceptions[-1] if exceptions else {}
    return ExecutionError(
        type=span.text("error.type") or text_in(last, "exception.type") or "error",
        message=text_in(last, "exception.message") or span.status_message or None,
        stacktrace=text_in(last, "exception.stacktrace"),
    )


@attrs.frozen(eq=False)
class Reading:
    """Reads a span and remembers what it did not find: ``issues``, in the order in which it was asked for."""

    span: Span
    issues: list[Issue] = attrs.field(factory=list, init=False)

    def report(self, code: Code, path: str, message: str) -> None:
        self.issues.append(Issue(code=code, path=path, message=message))

    def text(self, key: str) -> str:
        """A text that has to be there; empty when it is not."""
        return self._demanded(key, self.span.text(key), "")

    def count(self, key: str) -> int:
        """A number from 0 on that has to be there; 0 when it is not."""
        return self._demanded(key, self.count_if_any(key), 0)

    def count_if_any(self, key: str) -> int | None:
        number = number_in(self.span.attributes, key)
        return number if is_count(number) else None

    def _demanded(self, key: str, value: T | None, otherwise: T) -> T:
        if value is not None:
            return value
        if key in self.span.attributes:
            self.report("invalid_attribute", key, "The attribute is of another type, or empty")
        else:
            self.report("missing_attribute", key, "The attribute is not there")
        return otherwise

    def payload(self, root: str) -> Payload:
        """A value that has to be there."""
        found = self.payload_if_any(root)
        if found is not None:
            return found
        self.report("missing_payload", root, "Neither the value is there nor a reason why it is not")
        return Payload(mode="missing", reason=_MISSING)

    def payload_if_any(self, root: str) -> Payload | None:
        """``None`` when nothing of it is there."""
        attributes = self.span.attributes
        if root not in attributes and f"{root}.mode" not in attributes:
            return None
        payload = shown(payload_in(attributes, root), self.span.text(f"{root}.reference"))
        if payload.mode == "missing":
            self.report("invalid_payload", root, f"The value is no JSON text with {_MOST_LEVELS} levels at most")
        return payload

    def candidate(self, root: str) -> Candidate:
        """A value before it was validated, or why there is none."""
        available = self.span.flag(f"{root}.available")
        if available:
            return Candidate(available=True, payload=self.payload(root), unavailable_reason=None)
        reason = self.span.text(f"{root}.unavailable_reason")
        if reason is None:
            self.report("missing_payload", root, "Neither the value is there nor a reason why it is not")
        return Candidate(available=False, payload=None, unavailable_reason=reason or _MISSING)

    def candidate_if_any(self, root: str) -> Candidate | None:
        return self.candidate(root) if f"{root}.available" in self.span.attributes else None


def shown(recorded: RecordedPayload, reference: str | None = None) -> Payload:
    """A payload as it was recorded, if it is what its mode says."""
    mode, policy = recorded.mode, recorded.policy
    match mode:
        case "full" | "redacted":
            value = json_in(recorded.text)
            if value is not None:
                return Payload(mode=mode, policy=policy, value=value)
        case "excluded":
            return Payload(mode=mode, policy=policy)
        case "reference":
            return Payload(mode=mode, policy=policy, reference=reference)
    return Payload(mode="missing", policy=policy, reason="invalid_payload" if recorded.text else _MISSING)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a whole number from 0 on that every JSON reader takes."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def json_in(text: str | None) -> JsonText | None:
    """The text, when it is JSON that every reader can hold."""
    if text is None:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return text.encode() if depth_of(value) <= _MOST_LEVELS else None
