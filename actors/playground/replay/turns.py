"""The messages of a conversation as those of a request: tools answer in messages of their own."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from actors.conversation.form import Json, Media, Message, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from actors.conversation.json_values import text
from actors.playground.prompt import ChatMessage, Image
from actors.playground.prompt import ToolCall as ChatCall

_AT_A_URL: Final = ("https://", "http://")


@attrs.define
class Turns:
    """The messages made so far, and what of the recorded ones has no place among them."""

    made: list[ChatMessage] = attrs.field(factory=list)
    lost: list[str] = attrs.field(factory=list)
    _open: dict[str, str] = attrs.field(factory=dict)  # names of the calls that wait for an answer, by their ids
    _calls: int = 0

    def add(self, message: Message) -> None:
        """Add a message, in its order: what a tool answered ends what was said before it."""
        before, turn = len(self.made), _Turn(message.role)
        for part in message.parts:
            if isinstance(part, ToolResult):
                self._close(turn)
                turn = _Turn(message.role)
                self.made.append(self._answer(part))
            else:
                self._add_part(turn, part)
        if not message.parts:
            self._lose("a part that was not recorded")
        self._close(turn)
        if message.role != "assistant" and len(self.made) == before:  # it was said, if not with what can be sent
            self.made.append(ChatMessage(role=message.role, content=""))

    def _add_part(self, turn: "_Turn", part: Part) -> None:
        match part:
            case ToolCall():
                turn.calls.append(self._call(part))
            case Media() if (image := _image(part)) is not None and turn.role == "user":
                turn.images.append(image)
            case Media():
                self._lose(part.kind)
            case Reasoning():
                self._lose("reasoning")
            case Json():
                self._lose(_kind(part.value))
            case Text() | Refusal():
                turn.texts.append(part.text)

    def _close(self, turn: "_Turn") -> None:
        if turn.texts or turn.calls or turn.images:
            self.made.append(
                ChatMessage(
                    role=turn.role,
                    content="\n".join(turn.texts),
                    tool_calls=tuple(turn.calls),
                    images=tuple(turn.images),
                )
            )

    def _call(self, call: ToolCall) -> ChatCall:
        """A call with an id: Google's have none, and are answered by their names."""
        self._calls += 1
        call_id = call.id or (call.name if call.name not in self._open else f"{call.name}_{self._calls}")
        self._open[call_id] = call.name
        return ChatCall(id=call_id, name=call.name, arguments=text(call.arguments))

    def _answer(self, result: ToolResult) -> ChatMessage:
        waiting = (each for each, name in self._open.items() if result.name in (None, name))
        call_id = result.id or next(waiting, result.name or "")
        self._open.pop(call_id, None)
        return ChatMessage(role="tool", content=_result(result.result), tool_call_id=call_id)

    def _lose(self, what: str) -> None:
        self.lost.append(f"message {len(self.made) + 1}: {what}")


@attrs.define
class _Turn:
    role: str
    texts: list[str] = attrs.field(factory=list)
    calls: list[ChatCall] = attrs.field(factory=list)
    images: list[Image] = attrs.field(factory=list)


def turns_of(messages: Iterable[Message]) -> Turns:
    """The messages of a request, and what is lost, for people."""
    turns = Turns()
    for message in messages:
        turns.add(message)
    return turns


def _image(part: Media) -> Image | None:
    """An image that can be sent again: its data with their type, or one at a URL."""
    if part.kind != "image":
        return None
    if part.data is not None and part.media_type is not None:
        return Image(media_type=part.media_type, data=part.data)
    return Image(url=part.url) if part.url is not None and part.url.startswith(_AT_A_URL) else None


def _result(result: Any) -> str:  # noqa: ANN401 - any JSON value
    """Texts in a list as one, anything else as its JSON text."""
    if isinstance(result, list) and result and all(_is_text(item) for item in result):
        return "\n".join(item["text"] for item in result)
    return text(result)


def _is_text(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "text" and isinstance(item.get("text"), str)


def _kind(value: object) -> str:
    """The kind of a part that is not known here."""
    if not isinstance(value, Mapping):
        return "a part that cannot be read"
    kind = value.get("type", value.get("kind"))
    return kind if isinstance(kind, str) and kind else next(iter(value), "an empty part")
