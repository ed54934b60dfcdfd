"""Well-formed Unicode. JSON can escape half of a surrogate pair, and UTF-8 cannot hold it."""

from collections.abc import Iterator

import attrs

from actors.playground.prompt import Completion, ToolCall
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta


def well_formed(text: str) -> str:
    """Pair the surrogates of a text, and replace lone ones by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Repair:
    """Makes the chunks of one run well formed.

    A provider may cut a character in two: the half at the end of a chunk is held back until the next chunk of its kind,
    or until the end.
    """

    def __init__(self) -> None:
        self._waiting: dict[type[TextDelta | ReasoningDelta], str] = {}

    def of(self, chunk: Chunk) -> Iterator[Chunk]:
        """The chunks that can be passed on now."""
        match chunk:
            case TextDelta() | ReasoningDelta():
                yield from self._delta(chunk)
            case ToolCall():
                yield _well_formed_call(chunk)
            case Completion():
                yield from self._rest()
                yield well_formed_completion(chunk)
            case _:
                yield chunk

    def _delta(self, chunk: TextDelta | ReasoningDelta) -> Iterator[Chunk]:
        kind = type(chunk)
        if chunk.text.isascii() and kind not in self._waiting:
            yield chunk
            return
        text = self._waiting.pop(kind, "") + chunk.text
        if "\ud800" <= text[-1:] <= "\udbff":
            self._waiting[kind] = text[-1]
            text = text[:-1]
        if text:
            yield kind(text=well_formed(text))

    def _rest(self) -> Iterator[Chunk]:
        for kind, half in self._waiting.items():
            yield kind(text=well_formed(half))
        self._waiting.clear()


def well_formed_completion(completion: Completion) -> Completion:
    return attrs.evolve(
        completion,
        id=well_formed(completion.id),
        model=well_formed(completion.model),
        finish_reason=None if completion.finish_reason is None else well_formed(completion.finish_reason),
        content=well_formed(completion.content),
        reasoning=None if completion.reasoning is None else well_formed(completion.reasoning),
        tool_calls=tuple(map(_well_formed_call, completion.tool_calls)),
    )


def _well_formed_call(call: ToolCall) -> ToolCall:
    return ToolCall(id=well_formed(call.id), name=well_formed(call.name), arguments=well_formed(call.arguments))
