"""The runs of a trace: who runs in whom, and what each did to which store."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import cached_property

import attrs

from actors.workflows.executables import Executable, Kind, Operation, executable_in, operation_in
from actors.workflows.span import Span
from actors.workflows.stores import Transition, transitions_in


@attrs.frozen(slots=False)
class TraceRuns:
    """All that runs in a trace, by span id and oldest first; transitions by store, in the order of their commits."""

    spans: Mapping[str, Span]
    executables: Mapping[str, Executable]
    operations: Mapping[str, Operation]
    transitions: Mapping[str, tuple[Transition, ...]]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> "TraceRuns":
        """Those of all spans of one trace, in any order. Linear in what was recorded, whatever it is."""
        ordered = sorted(spans, key=lambda span: span.order)
        return cls(
            {span.span_id: span for span in ordered},
            {span.span_id: each for span in ordered if (each := executable_in(span))},
            {span.span_id: operation for span in ordered if (operation := operation_in(span))},
            transitions_in(ordered),
        )

    def within(self, span_id: str) -> Executable | None:
        """The executable that a span is, or the innermost that it is in."""
        return self._innermost.get(span_id)

    def run_of(self, executable: Executable) -> Executable | None:
        """The run that an executable is directly in: through nodes that run others concurrently, too."""
        return self._owners.get(executable.span.span_id)

    def parent_of(self, executable: Executable) -> Executable | None:
        """The executable that an executable is directly in, be it a node."""
        return self._above(executable.span.span_id)

    def nearest(self, some: Container[str], below: str | None = None) -> dict[str, str]:
        """Of each span the nearest of some spans that it is or is in. It is not looked for above ``below``."""
        found: dict[str, str | None] = {}
        for span_id in self.spans:
            chain = _chain(span_id, self._parent_of, found)
            nearest = found.get(chain[-1])
            for each in reversed(chain):
                nearest = found[each] = None if each == below else each if each in some else nearest
        return {span_id: nearest for span_id, nearest in found.items() if nearest is not None}

    def members(self, run: Executable) -> Sequence[Executable]:
        """What runs directly in a run, oldest first."""
        return self._members.get(run.span.span_id, ())

    def operations_of(self, agent: Executable) -> Sequence[Operation]:
        """Those of an agent's run in their sequence; without one, by their start."""
        return self._operations_by_agent.get(agent.span.span_id, ())

    @cached_property
    def _innermost(self) -> dict[str, Executable | None]:
        found: dict[str, Executable | None] = {}
        for span_id in self.spans:
            chain = _chain(span_id, self._parent_of, found)
            innermost = found.get(chain[-1])
            for each in reversed(chain):
                innermost = found[each] = self.executables.get(each) or innermost
        return found

    def _parent_of(self, span_id: str) -> str | None:
        parent = self.spans[span_id].parent_span_id
        return parent if parent in self.spans else None

    @cached_property
    def _runs_by_id(self) -> dict[str, Executable]:
        """Runs, and nodes that run others, by their runtime ids: for those whose parent span did not come."""
        held = (Kind.WORKFLOW, Kind.SUBFLOW, Kind.AGENT, Kind.RUN_CONCURRENT)
        return {each.runtime_id: each for each in self.executables.values() if each.runtime_id and each.kind in held}

    @cached_property
    def _owners(self) -> dict[str, Executable | None]:
        found: dict[str, Executable | None] = {}
        for span_id in self.executables:
            chain = _chain(span_id, self._node_above, found)
            above = self._above(chain[-1])
            owner = found.get(chain[-1], above if above is not None and above.is_run else None)
            found |= dict.fromkeys(chain, owner)
        return found

    def _node_above(self, span_id: str) -> str | None:
        above = self._above(span_id)
        return None if above is None or above.is_run else above.span.span_id

    def _above(self, span_id: str) -> Executable | None:
        """The executable that this one is in: by its parent span, where that did not come by its parent's id."""
        executable = self.executables[span_id]
        above = self.within(executable.span.parent_span_id or "")
        if above is None and executable.parent_runtime_id:
            above = self._runs_by_id.get(executable.parent_runtime_id)
        return None if above is executable else above

    @cached_property
    def _members(self) -> dict[str, list[Executable]]:
        found: dict[str, list[Executable]] = {}
        for span_id, executable in self.executables.items():
            owner = self._owners[span_id]
            if owner is not None:
                found.setdefault(owner.span.span_id, []).append(executable)
        return found

    @cached_property
    def _operations_by_agent(self) -> dict[str, list[Operation]]:
        found: dict[str, list[Operation]] = {}
        for span_id, operation in self.operations.items():
            agent = self._runs_by_id.get(operation.agent_runtime_id or "") or self.within(span_id)
            if agent is not None and agent.kind is Kind.AGENT:
                found.setdefault(agent.span.span_id, []).append(operation)
        for some in found.values():
            some.sort(key=lambda each: (each.sequence is None, each.sequence or 0, each.span.order))
        return found


def _chain(first: str, above: Callable[[str], str | None], known: Container[str]) -> list[str]:
    """The first and those above it: up to one that is known, to the topmost, or to where they go in a circle."""
    chain, seen = [first], {first}
    while chain[-1] not in known:
        upper = above(chain[-1])
        if upper is None or upper in seen:
            break
        chain.append(upper)
        seen.add(upper)
    return chain
