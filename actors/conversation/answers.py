"""What a provider or a library answered, as some conventions store it whole."""

from collections.abc import Mapping
from typing import Any

import attrs

from actors.conversation import google
from actors.conversation.form import Message
from actors.conversation.json_values import object_in, objects
from actors.conversation.messages import finish_word, joined, message_of, said_by
from actors.conversation.request_body import items_in

Body = Mapping[str, Any]


def answers_in(answer: object) -> list[Message]:
    """The messages of an answer; none if it has no form that is known."""
    if isinstance(answer, str):
        return said_by("assistant", "output", answer)
    if isinstance(answer, list):
        return _listed(answer)
    return _of_body(answer) if isinstance(answer, Mapping) else []


def _listed(answer: list[Any]) -> list[Message]:
    items = answer[0] if answer and isinstance(answer[0], list) else answer
    if any(not isinstance(item, Mapping) or not ("role" in item or "type" in item) for item in items):
        return []
    return items_in(items, "output")


def _of_body(answer: Body) -> list[Message]:
    if objects(answer.get("choices")):
        return [_choice(choice) for choice in objects(answer["choices"])]
    if "candidates" in answer:
        return google.answers_in(answer)
    if isinstance(answer.get("generations"), list):
        return _generations(answer["generations"])
    if isinstance(answer.get("output"), list):
        return _responses(answer)
    if "role" in answer or answer.get("type") == "constructor":
        return [message_of({"role": "assistant", **answer}, "output")]
    return _wrapped(answer)


def _wrapped(answer: Body) -> list[Message]:
    """One message, several, or a text in an object around them."""
    for name in ("message", "output", "messages", "text", "combined_chunk_content"):
        inner = answer.get(name)
        if isinstance(inner, str | list):
            return answers_in(inner)
        if isinstance(inner, Mapping):
            return _of_body(inner) if name == "output" else [message_of({"role": "assistant", **inner}, "output")]
    return [message_of({"role": "assistant", **answer}, "output")] if "content" in answer else []


def _choice(choice: Body) -> Message:
    said = choice.get("message") or choice.get("delta") or {"content": choice.get("text")}
    held = said if isinstance(said, Mapping) else {"content": said}
    message = message_of({**held, "role": "assistant"}, "output")
    return attrs.evolve(message, finish_reason=finish_word(choice.get("finish_reason")) or message.finish_reason)


def _responses(answer: Body) -> list[Message]:
    """The items of OpenAI's Responses, which are one turn of the assistant."""
    messages = joined(items_in(objects(answer["output"]), "output"), lambda _, __: True)
    status = answer.get("status")
    finish = finish_word(status) if status in ("incomplete", "failed") else None
    return [attrs.evolve(message, finish_reason=message.finish_reason or finish) for message in messages]


def _generations(generations: list[Any]) -> list[Message]:
    """LangChain's: a list for each prompt, or for one."""
    inner = generations[0] if generations and isinstance(generations[0], list) else generations
    return [_generation(generation) for generation in objects(inner)]


def _generation(generation: Body) -> Message:
    said = generation.get("message")
    held = said if isinstance(said, Mapping) else {"role": "assistant", "content": generation.get("text")}
    message = message_of(held, "output")
    finish = finish_word(object_in(generation.get("generation_info")).get("finish_reason"))
    return attrs.evolve(message, finish_reason=finish or message.finish_reason)
