"""One follower: what it asks for, how far it has come, and which traces it is to be told of."""

from collections.abc import Mapping, Sequence

from actors.live.messages import Follow, Item, Of
from actors.live.outbox import Outbox
from actors.span_store.asked.arrivals import Arrivals, Watched
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import TraceSummary

_MOST_PENDING = 400  # traces that wait to be told
_MOST_TOLD = 1000  # that are told again when any span of theirs comes


class Follower:
    """``position`` is behind everything that is on its way to it, or waits to be told, or was left out."""

    def __init__(self, request: Follow, outbox: Outbox, position: Position) -> None:
        self.where = request.where
        self.of = request.of
        self.outbox = outbox
        self.position = position
        self._pending: dict[str, Position] = {}  # traces in the order of their first new span
        self._told: dict[str, None] = {}  # the last one was told last
        self._key = repr(request.where)  # not the expression itself: 1 and true are equal in Python

    @property
    def question(self) -> tuple[str, int, int]:
        """Followers with the same one have the same answer."""
        return self._key, self.position.number, 0 if self.of is Of.SPANS else id(self)

    @property
    def waits(self) -> bool:
        """Whether it is to be told of traces, and can be."""
        return bool(self._pending) and self.outbox.room > 0

    def watched(self) -> Watched:
        """The question, of what it has room for."""
        if self.of is Of.SPANS:
            return Watched(where=self.where, after=self.position, limit=self.outbox.room)
        return Watched(where=self.where, after=self.position, limit=_MOST_PENDING, traces=frozenset(self._told))

    def take(self, arrivals: Arrivals) -> None:
        """Put what has come on its way."""
        self.position = arrivals.end
        if self.of is Of.SPANS:
            items = [Item(item=each.span, position=each.position) for each in arrivals.spans[: self.outbox.room]]
            skipped = arrivals.skipped + len(arrivals.spans) - len(items)
            self.outbox.put(items, skipped, arrivals.end)
            return
        skipped = arrivals.skipped
        for each in arrivals.traces:
            if each.trace_id not in self._pending and len(self._pending) >= _MOST_PENDING:
                skipped += 1
            else:
                self._pending.setdefault(each.trace_id, each.position)
        self.outbox.put((), skipped, arrivals.end)

    def take_pending(self) -> dict[str, Position]:
        """The traces that it is to be told of now."""
        pending, self._pending = self._pending, {}
        return pending

    def give_back(self, pending: Mapping[str, Position]) -> None:
        """Let it be told of them later."""
        self._pending = {**pending, **{key: at for key, at in self._pending.items() if key not in pending}}

    def tell(self, pending: Mapping[str, Position], summaries: Mapping[str, TraceSummary], behind: Position) -> None:
        """Put these traces on their way; they have all that came before ``behind``."""
        items = self.items(pending, summaries, behind)
        self.outbox.put(items, 0, behind)

    def items(
        self, pending: Mapping[str, Position], summaries: Mapping[str, TraceSummary], behind: Position
    ) -> list[Item]:
        """One for each that is still there, in order.

        Whoever goes on at the position of one hears of all behind it again, so that none is lost.
        """
        found = [(summaries[key], at) for key, at in pending.items() if key in summaries]
        self.remember([summary.trace_id for summary, _ in found])
        items = [Item(item=summary, position=at) for summary, at in found]
        return [*items[:-1], *(Item(item=each.item, position=behind) for each in items[-1:])]

    def go_back(self) -> None:
        """Let all that it was not told of yet be behind its position again."""
        for at in self.take_pending().values():
            self.position = min(self.position, Position(at.number - 1))

    def remember(self, traces: Sequence[str]) -> None:
        """Tell of these again when any span of theirs comes."""
        for trace_id in traces:
            self._told.pop(trace_id, None)
            self._told[trace_id] = None
        while len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]
