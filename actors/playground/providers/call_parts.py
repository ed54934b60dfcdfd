"""Tool calls that arrive in parts, as OpenAI and the many similar servers send them."""

import attrs
import orjson

from actors.playground.counts import count
from actors.playground.prompt import ToolCall
from actors.playground.providers.untrusted import Json, an_object, arguments, word


@attrs.define(eq=False)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = attrs.field(factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are a complete object, behind which nothing can follow."""
        try:
            return isinstance(orjson.loads("".join(self.arguments)), dict)
        except orjson.JSONDecodeError:
            return False


class CallParts:
    """Joins parts. A part names its call by an index, an id, both or neither."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    @property
    def any(self) -> bool:
        return bool(self._calls)

    def add(self, part: Json) -> None:
        function = an_object(part, "function") or part  # some servers leave the wrapping out
        identity, name = word(part.get("id")), word(function.get("name"))
        piece = arguments(function.get("arguments"))
        if not (identity or name or piece):
            return
        index = count(part.get("index"))
        call = self._goes_on(index, identity)
        if call is None or _is_another(call, identity, name, piece):
            call = _Call()
            self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        call.id = identity or call.id
        call.name = name or call.name
        call.arguments.append(piece)

    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far, in the order in which they began. One without an id gets one."""
        return tuple(
            ToolCall(id=call.id or f"call_{number}", name=call.name, arguments="".join(call.arguments) or "{}")
            for number, call in enumerate(self._calls)
        )

    def _goes_on(self, index: int | None, identity: str) -> _Call | None:
        """The call that a part may belong to."""
        if index is not None:
            return self._by_index.get(index)
        named = (call for call in self._calls if identity and call.id == identity)
        return next(named, self._calls[-1] if self._calls else None)


def _is_another(call: _Call, identity: str, name: str, piece: str) -> bool:
    """Whether the part begins a call of its own.

    It does by a new name, a new id with a name or behind complete arguments, or the same name with arguments behind
    complete ones. An id alone is not enough, because some servers make a new one for every part.
    """
    if name and call.name and name != call.name:
        return True
    if identity and call.id and identity != call.id:
        return bool(name) or call.is_whole
    is_named_again = bool(name and call.name) and not (identity and identity == call.id)
    return is_named_again and bool(piece) and call.is_whole
