"""All that the spans of a trace prove, put together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

import attrs

from actors.workflows.evidence.agents import read_run
from actors.workflows.evidence.facts import (
    CONTRACT,
    VERSION_KEY,
    Reading,
    SentSpan,
    cancellation_of,
    error_of,
    is_known,
)
from actors.workflows.evidence.form import (
    AgentExecution,
    AgentRun,
    Diagnostic,
    Evidence,
    Flow,
    Integrity,
    Issue,
    LossCounts,
    Operation,
    Role,
    Service,
)
from actors.workflows.evidence.form import Executable as Annotation
from actors.workflows.evidence.histories import Histories, SeenStore
from actors.workflows.evidence.operations import ReadOperation, read_operation, with_requested_calls
from actors.workflows.evidence.relations import Related, relations
from actors.workflows.executables import Executable, Kind
from actors.workflows.span import Span
from actors.workflows.trace import TraceRuns

MOST_DIAGNOSTICS: Final = 1000
MOST_STATES: Final = 16 * 1024 * 1024  # bytes
_RUNS: Final = (Kind.WORKFLOW, Kind.SUBFLOW, Kind.AGENT)


def _no_check() -> None:
    """Nobody waits for a deadline."""


def trace_evidence(
    spans: Iterable[SentSpan], *, room: int = MOST_STATES, check: Callable[[], None] = _no_check
) -> Evidence:
    """What the spans of one trace prove, in any order. ``check`` may raise to end it.

    States before and after transitions take ``room`` bytes at most.
    """
    return _Assembly({sent.span.span_id: sent for sent in spans}, room, check).made()


@attrs.frozen(slots=False)
class _Assembly:
    """The evidence of one trace while it is made. Each part is made once."""

    _sent: Mapping[str, SentSpan]
    _room: int
    _check: Callable[[], None]
    _diagnostics: list[Diagnostic] = attrs.field(factory=list, init=False)

    def made(self) -> Evidence:
        self._report_unknown()
        self._report_orphans()
        executables = dict(self._annotations())
        stores = self._histories.logs()
        self._of_trace(self._histories.issues)
        return Evidence(
            executables_by_span_id=executables,
            operations_by_owner_runtime_id={
                runtime_id: {each.span_id: each for each in some} for runtime_id, some in self._operations.items()
            },
            stores_by_id=stores,
            relationships_by_owner_span_id={span_id: self._related[span_id].relationships for span_id in executables},
            diagnostics=tuple(self._diagnostics[:MOST_DIAGNOSTICS]),
        )

    @cached_property
    def _runs(self) -> TraceRuns:
        """Spans of junjo that are not known are between the others, and nothing more.

        Those of other libraries may have transitions: a store writes to whatever span is open.
        """
        return TraceRuns.of(_plain(sent.span) if _is_foreign(sent.span) else sent.span for sent in self._sent.values())

    @cached_property
    def _histories(self) -> Histories:
        return Histories(self._runs, self._room, self._check)

    @cached_property
    def _related(self) -> Mapping[str, Related]:
        return relations(self._runs, self._runs.executables, self._service)

    def _service(self, span_id: str) -> Service:
        return self._sent[span_id].service

    def _report_unknown(self) -> None:
        """One issue for each version that is not known."""
        spans = [sent.span for sent in self._sent.values()]
        versions = Counter(_version_of(span) for span in spans if _is_foreign(span))
        for version, count in versions.items():
            told = f"{count} spans have version {version} of junjo's telemetry, and {CONTRACT} is known here"
            self._of_trace([Issue(code="unsupported_contract", path=VERSION_KEY, message=told)])

    @cached_property
    def _read_operations(self) -> Mapping[str, Sequence[ReadOperation]]:
        """Those of each agent, by its runtime id; those that name none by an empty one."""
        found: dict[str, list[ReadOperation]] = {}
        for recorded in self._runs.operations.values():
            read = read_operation(recorded.span, recorded.kind)
            found.setdefault(recorded.agent_runtime_id or "", []).append(read)
        return found

    @cached_property
    def _operations(self) -> Mapping[str, Sequence[Operation]]:
        """Those of each agent in their order, by its runtime id."""
        made = {}
        for runtime_id, read in self._read_operations.items():
            some = [each.operation for each in read if each.operation is not None]
            if runtime_id and some:
                some.sort(key=lambda each: (each.sequence, each.span_id))
                made[runtime_id] = with_requested_calls(some, self._reason_of(runtime_id))
        return made

    def _reason_of(self, runtime_id: str) -> str | None:
        agent = self._agents.get(runtime_id)
        return None if agent is None else agent.span.text("junjo.agent.termination_reason")

    @cached_property
    def _agents(self) -> Mapping[str, Executable]:
        runs = self._runs.executables.values()
        return {each.runtime_id: each for each in runs if each.kind is Kind.AGENT and each.runtime_id}

    def _report_orphans(self) -> None:
        """Tell of operations whose agent is not in the trace, and of what is wrong with them."""
        for runtime_id, read in self._read_operations.items():
            if runtime_id not in self._agents:
                told = f"The agent of {len(read)} operations is not in the trace"
                owner = Issue(code="missing_owner", path="junjo.agent.runtime_id", message=told)
                self._of_trace([owner, *(issue for each in read for issue in each.issues)])

    def _annotations(self) -> Iterator[tuple[str, Annotation]]:
        for span_id, executable in self._runs.executables.items():
            self._check()
            stores = self._histories.of(executable) if executable.kind in _RUNS else {}
            made = self._agent(executable, stores) if executable.kind is Kind.AGENT else self._flow(executable, stores)
            if made is not None:
                self._of_executable(span_id, made.integrity.diagnostics)
                yield span_id, made

    def _flow(self, executable: Executable, stores: Mapping[Role, SeenStore]) -> Flow:
        return Flow(
            executable_type=executable.kind.value,
            owner_span_id=executable.span.span_id,
            name=executable.name,
            definition_id=executable.definition_id,
            runtime_id=executable.runtime_id,
            structural_id=executable.structural_id,
            stores={role: each.boundary for role, each in stores.items()},
            integrity=self._integrity(executable, stores, ()),
        )

    def _agent(self, executable: Executable, stores: Mapping[Role, SeenStore]) -> AgentExecution | None:
        """``None`` for an agent that does not say what it is, which is told of its span."""
        span = executable.span
        read = read_run(self._sent[span.span_id])
        if read.run is None:
            self._of_executable(span.span_id, read.issues)
            return None
        return self._agent_run(executable, stores, read.run)

    def _agent_run(self, executable: Executable, stores: Mapping[Role, SeenStore], run: AgentRun) -> AgentExecution:
        span, reading = executable.span, Reading(executable.span)
        _compare_operations(reading, self._operations.get(run.runtime_id, ()), run.counts.operations)
        reading.issues.extend(issue for each in self._read_operations.get(run.runtime_id, ()) for issue in each.issues)
        return AgentExecution(
            owner_span_id=span.span_id,
            runtime_id=run.runtime_id,
            stores={role: each.boundary for role, each in stores.items()},
            summary=run,
            definition=reading.payload("junjo.agent.definition_snapshot"),
            input=reading.payload_if_any("junjo.agent.input"),
            output=reading.payload_if_any("junjo.agent.output"),
            input_candidate=reading.candidate_if_any("junjo.agent.input_candidate"),
            history_candidate=reading.candidate_if_any("junjo.agent.history_candidate"),
            error=error_of(span),
            cancellation=cancellation_of(span),
            integrity=self._integrity(executable, stores, reading.issues),
        )

    def _integrity(
        self, executable: Executable, stores: Mapping[Role, SeenStore], issues: Iterable[Issue]
    ) -> Integrity:
        related = self._related[executable.span.span_id].issues
        found = (*issues, *related, *(issue for store in stores.values() for issue in store.issues))
        losses = self._losses(executable)
        is_partial = bool(found) or losses != LossCounts()
        return Integrity(status="partial" if is_partial else "complete", diagnostics=found, loss_counts=losses)

    def _losses(self, executable: Executable) -> LossCounts:
        """Of the executable's span, its members' and its operations'."""
        runs = self._runs
        ids = [
            executable.span.span_id,
            *(each.span.span_id for each in runs.members(executable)),
            *(each.span.span_id for each in runs.operations_of(executable)),
        ]
        sent = [self._sent[span_id].losses for span_id in ids]
        return LossCounts(
            resource_dropped_attributes=sent[0].resource_dropped_attributes,
            span_dropped_attributes=sum(each.span_dropped_attributes for each in sent),
            span_dropped_events=sum(each.span_dropped_events for each in sent),
            span_dropped_links=sum(each.span_dropped_links for each in sent),
            event_dropped_attributes=sum(each.event_dropped_attributes for each in sent),
        )

    def _of_trace(self, issues: Iterable[Issue]) -> None:
        self._diagnostics.extend(Diagnostic(scope="trace", owner_span_id=None, issue=issue) for issue in issues)

    def _of_executable(self, span_id: str, issues: Iterable[Issue]) -> None:
        found = (Diagnostic(scope="executable", owner_span_id=span_id, issue=issue) for issue in issues)
        self._diagnostics.extend(found)


def _plain(span: Span) -> Span:
    """The span without what would make something of it."""
    return attrs.evolve(span, attributes={}, events=())


def _is_foreign(span: Span) -> bool:
    """Whether it is of junjo, and of a version that is not known."""
    is_of_junjo = "junjo.span_type" in span.attributes or "junjo.agent.operation_type" in span.attributes
    return is_of_junjo and not is_known(span)


def _version_of(span: Span) -> str:
    version = span.attributes.get(VERSION_KEY)
    return "none" if version is None else str(version)[:64]


def _compare_operations(reading: Reading, operations: Sequence[Operation], counted: int) -> None:
    """Report operations that did not come, and such that came twice."""
    sequences = [each.sequence for each in operations]
    if len(operations) != counted:
        told = f"{len(operations)} of {counted} operations are in the trace"
        reading.report("missing_operations", "operations", told)
    elif sequences != list(range(1, counted + 1)):
        reading.report("operation_sequence", "operations", "Operations are not numbered from 1 on, each once")
