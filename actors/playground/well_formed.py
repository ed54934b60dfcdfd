"""Text that is surely Unicode. JSON can escape half of a surrogate pair, and UTF-8 cannot hold it."""

import attrs

from actors.playground.prompt import Completion, ToolCall
from actors.playground.providers.provider import Chunk, ReasoningDelta, TextDelta


def well_formed(text: str) -> str:
    """The text with question marks for lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def well_formed_chunk(chunk: Chunk) -> Chunk:
    """What a provider said, safe to send on and to store."""
    match chunk:
        case TextDelta() | ReasoningDelta():
            return chunk if chunk.text.isascii() else attrs.evolve(chunk, text=well_formed(chunk.text))
        case ToolCall():
            return _well_formed_call(chunk)
        case Completion():
            return well_formed_completion(chunk)
        case _:
            return chunk


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
    return attrs.evolve(call, name=well_formed(call.name), arguments=well_formed(call.arguments))
