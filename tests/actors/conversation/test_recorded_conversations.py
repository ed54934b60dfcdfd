"""Every recorded model call: what it was asked and what it answered, as the programs in INDEX.md did it."""

import attrs
import pytest

from actors.conversation.form import Conversation, Json, Text
from tests.actors.conversation.stage import ANSWER, RECORDINGS, Recorded, recorded, sketch

pytestmark = pytest.mark.unit

_CALL = 'call lookup_order {"order_id": "4711", "amount": 150}'
_BY_ID = 'call lookup_order {"order_id": "4711"}'
_FAULT = 'tool result of lookup_order: {"error": "Invokin'
_HM = "thought 'Looked at the order.'"
_RESULT = "tool result of lookup_order: customs"
_NOTHING = "->"
_PLAIN = "system SYSTEM | user ASKED -> assistant ANSWER (stop)"
_FAILED = "user ASKED ->"
_IMAGE = "user What is this? + image image/png by data -> assistant ANSWER (stop)"
_JSON = "user json -> assistant ORDER (stop)"
_CALLED = f"system SYSTEM | user ASKED -> assistant {_CALL} (tool_calls)"
_ANSWERED = f"system SYSTEM | user ASKED | assistant {_CALL} | {_RESULT} -> assistant ANSWER (stop)"
_CONTINUED = f"user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)"
_SYSTEM_IMAGE = "system SYSTEM | user What is this? + image image/png by data -> assistant ANSWER (stop)"
_SAID_AND_CALLED = f"system SYSTEM | user ASKED -> assistant I look it up. + {_CALL} (tool_calls)"
_SAID_AND_ANSWERED = (
    f"system SYSTEM | user ASKED | assistant I look it up. + {_CALL} | {_RESULT} -> assistant ANSWER (stop)"
)
_THOUGHT = "user ASKED -> assistant thought 'Let me look at the order.' + ANSWER (stop)"
_STREAMED = "system SYSTEM | user ASKED ->"

# In the order of the recording. Calls without content, and those of the SDK beside a library, say nothing.
_CALLS: dict[str, tuple[str, ...]] = {
    "anthropic-sdk-alone-2.14.0.bin": (_NOTHING,) * 8,
    "genai-anthropic-default-1.3b0.bin": (_NOTHING,) * 16,
    "genai-anthropic-spanonly-1.3b0.bin": (
        *(_NOTHING,) * 8,
        _PLAIN,
        _SYSTEM_IMAGE,
        _PLAIN,
        _PLAIN,
        _SAID_AND_CALLED,
        _SAID_AND_ANSWERED,
        _THOUGHT,
        _FAILED,
    ),
    "genai-google-default-1.3b0.bin": (_NOTHING,) * 6,
    "genai-google-spanonly-1.3b0.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        f"system SYSTEM | user ASKED -> assistant {_BY_ID} (stop)",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)",
        _FAILED,
    ),
    "genai-google-truecontent-1.3b0.bin": (_NOTHING,) * 6,
    "genai-langchain-default-1.3b0.bin": (_NOTHING,) * 3,
    "genai-langchain-spanonly-1.3b0.bin": (
        _CALLED,
        _ANSWERED,
        _FAILED,
    ),
    "genai-openai-default-1.3b0.bin": (_NOTHING,) * 10,
    "genai-openai-eventonly-1.3b0.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        _CALLED,
        _CONTINUED,
        _FAILED,
        _FAILED,
    ),
    "genai-openai-spanonly-1.3b0.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        _CALLED,
        _CONTINUED,
        _FAILED,
        _FAILED,
    ),
    "google-adk-2.13.0.bin": (_NOTHING,) * 2,
    "google-adk-spanonly-2.13.0.bin": (
        "system SYSTEM | user ASKED -> assistant call lookup_order {} (stop)",
        f"system SYSTEM | user ASKED | assistant call lookup_order {{}} | {_FAULT} -> assistant ANSWER (stop)",
    ),
    "langfuse-5.0.4.bin": (
        f"system SYSTEM | user ASKED -> assistant {_CALL}",
        f"system SYSTEM | user ASKED | assistant {_CALL} | {_RESULT} -> assistant ANSWER",
        _PLAIN,
        "user hi -> assistant hello",
        _FAILED,
    ),
    "litellm-1.110.2.bin": (
        _PLAIN,
        f"user ASKED -> assistant {_CALL} (tool_calls)",
        f"user ASKED | assistant {_CALL} | {_RESULT} -> assistant ANSWER (stop)",
        "user ASKED -> assistant ANSWER (stop)",
        _PLAIN,
        _FAILED,
    ),
    "llmetry-google-0.62.4.bin": (
        _PLAIN,
        "user What is this? | user image image/png by data -> assistant ANSWER (stop)",
        "system SYSTEM | user ASKED -> assistant  its way. (stop)",
        f"system SYSTEM | user ASKED -> assistant {_BY_ID} (stop)",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)",
        _FAILED,
    ),
    "llmetry-openai-0.62.4.bin": (
        _PLAIN,
        "-> assistant ANSWER (stop)",
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        f"system SYSTEM | user ASKED -> assistant thought 'Looked at the order.' + {_CALL} (tool_calls)",
        f"user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER + thought 'Looked at the order.' (stop)",
        _FAILED,
        _FAILED,
    ),
    "logfire-5.4.0.bin": (
        _PLAIN,
        _IMAGE,
        _STREAMED,
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        _CALLED,
        f"user ASKED | assistant {_BY_ID} | {_RESULT} ->",
        _CONTINUED,
        _FAILED,
        _FAILED,
        _PLAIN,
        _SYSTEM_IMAGE,
        _STREAMED,
        _PLAIN,
        _STREAMED,
        _PLAIN,
        _SAID_AND_CALLED,
        _SAID_AND_ANSWERED,
        _THOUGHT,
        _FAILED,
    ),
    "mlflow-3.17.2.bin": (
        _PLAIN,
        "user What is this? + image None by url -> assistant ANSWER (stop)",
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        f"system SYSTEM | user ASKED -> assistant thought 'Looked at the order.' + {_CALL}",
        f"user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant thought 'Looked at the order.' + ANSWER",
        _FAILED,
        _FAILED,
    ),
    "oi-agno-1.0.15.bin": (
        f"system SYSTEM | user ASKED -> assistant {_BY_ID}",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER",
    ),
    "oi-anthropic-3.1.0.bin": (
        *(_NOTHING,) * 8,
        _PLAIN,
        _SYSTEM_IMAGE,
        _PLAIN,
        _PLAIN,
        _SAID_AND_CALLED,
        _SAID_AND_ANSWERED,
        _THOUGHT,
        _FAILED,
    ),
    "oi-google-genai-1.4.14.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        f"system SYSTEM | user ASKED -> assistant {_BY_ID} (stop)",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)",
        _FAILED,
    ),
    "oi-instructor-0.1.29.bin": (
        'system SYSTEM | user ASKED -> assistant call Order {"order_id": "4711", "amount": 150} (tool_calls)',
        _FAILED,
    ),
    "oi-langchain-0.1.80.bin": (
        _CALLED,
        _ANSWERED,
        _PLAIN,
        _FAILED,
    ),
    "oi-openai-0.1.66.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        f"system SYSTEM | user ASKED -> assistant thought 'Looked at the order.' + {_CALL}",
        f"user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant thought 'Looked at the order.' + ANSWER",
        _FAILED,
        _FAILED,
    ),
    "oi-openai-agents-2.6.0.bin": (
        f"system SYSTEM | user ASKED -> assistant thought 'Looked at the order.' + {_CALL} (stop)",
        f"system SYSTEM | user ASKED | assistant {_HM} + {_CALL} | {_RESULT} -> assistant {_HM} + ANSWER (stop)",
        f"system SYSTEM | user ASKED -> assistant {_CALL}",
        f"system SYSTEM | user ASKED | assistant {_CALL} | {_RESULT} -> assistant ANSWER",
        _STREAMED,
        _NOTHING,
    ),
    "openai-v2-content-2.4b0.bin": (
        _PLAIN,
        _IMAGE,
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        _FAILED,
        _FAILED,
    ),
    "openai-v2-latest-2.4b0.bin": (
        _PLAIN,
        "user nothing -> assistant ANSWER (stop)",
        _PLAIN,
        _CALLED,
        _ANSWERED,
        _JSON,
        _FAILED,
        _FAILED,
    ),
    "strands-1.62.0.bin": (
        f"system SYSTEM | user ASKED -> assistant {_BY_ID} (tool_calls)",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)",
        _FAILED,
    ),
    "traceloop-langchain-0.62.4.bin": (
        _CALLED,
        _ANSWERED,
        _PLAIN,
        _FAILED,
    ),
    "vercel-ai-6.0.326.bin": (
        f"system SYSTEM | user ASKED -> assistant {_BY_ID} (tool_calls)",
        f"system SYSTEM | user ASKED | assistant {_BY_ID} | {_RESULT} -> assistant ANSWER (stop)",
        "user ASKED -> assistant thought 'Looked at the order.' + ANSWER (stop)",
        _PLAIN,
        _IMAGE,
        "user x ->",
    ),
}


def calls(file: str) -> list[Recorded]:
    return [span for span in recorded(file) if span.row["type"] == "llm"]


@pytest.mark.parametrize(("file", "said"), _CALLS.items(), ids=_CALLS)
def test_every_model_call_says_what_the_program_did(file: str, said: tuple[str, ...]) -> None:
    assert tuple(sketch(span.conversation()) for span in calls(file)) == said


@pytest.mark.parametrize("file", sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name))
def test_nothing_is_said_twice_and_nothing_is_left_unread(file: str) -> None:
    for span in calls(file):
        messages = span.conversation().messages
        assert len(set(map(repr, messages))) == len(messages)
        assert sum(message.role == "system" for message in messages) <= 1
        assert sum(message.side == "output" for message in messages) <= 1
        assert not any(isinstance(part, Json) for message in messages for part in message.parts)


def test_the_long_prompts_of_dspy() -> None:
    first, failed = (span.conversation() for span in calls("oi-dspy-0.1.48.bin"))
    assert [(message.role, message.side) for message in first.messages] == [
        ("system", "input"),
        ("user", "input"),
        ("assistant", "output"),
    ]
    assert [message.role for message in failed.messages] == ["system", "user"]
    assert all(isinstance(part, Text) for message in first.messages for part in message.parts)


@pytest.mark.parametrize("file", _CALLS)
def test_messages_in_attributes_and_in_log_records_are_one(file: str) -> None:
    """Where attributes hold them, log records add nothing, sent once or twice."""
    for span in calls(file):
        twice = attrs.evolve(span, logs=(*span.logs, *span.logs))
        if span.conversation(with_logs=False).messages:
            assert span.conversation() == span.conversation(with_logs=False) == twice.conversation()


_LOOKED_UP = {"order_id": "4711", "amount": 150}


@pytest.mark.parametrize(
    ("file", "name", "given", "made"),
    [
        ("genai-langchain-spanonly-1.3b0.bin", "execute_tool lookup_order", _LOOKED_UP, "customs"),
        ("genai-openai-agents-spanonly-1.3b0.bin", "execute_tool lookup_order", _LOOKED_UP, "customs"),
        ("traceloop-langchain-0.62.4.bin", "execute_tool lookup_order", _LOOKED_UP, "customs"),
        ("oi-langchain-0.1.80.bin", "lookup_order", _LOOKED_UP, "customs"),
        ("oi-openai-agents-2.6.0.bin", "lookup_order", _LOOKED_UP, "customs"),
        ("oi-agno-1.0.15.bin", "lookup_order", {"order_id": "4711"}, "customs"),
        ("oi-crewai-1.1.21.bin", "lookup_order.run", {"order_id": "4711"}, "customs"),
        ("strands-1.62.0.bin", "execute_tool lookup_order", {"order_id": "4711"}, "customs"),
        ("vercel-ai-6.0.326.bin", "ai.toolCall", {"order_id": "4711"}, "customs"),
        ("langfuse-5.0.4.bin", "lookup_order", {"args": ["4711"], "kwargs": {}}, {"status": "customs"}),
        ("langfuse-5.0.4.bin", "support", {"args": ["Where is my order 4711?"], "kwargs": {}}, ANSWER),
        ("mlflow-3.17.2.bin", "support", {"q": "Where is my order 4711?"}, "done"),
        ("oi-agno-1.0.15.bin", "Agent.run", "Where is my order 4711?", ANSWER),
    ],
)
def test_tools_and_chains_say_what_went_in_and_came_out(file: str, name: str, given: object, made: object) -> None:
    conversation = next(span.conversation() for span in recorded(file) if span.row["name"] == name)
    assert (conversation.messages, conversation.input, conversation.output) == ((), given, made)


@pytest.mark.parametrize("file", [file for file, said in _CALLS.items() if _CALLED in said])
def test_tools_on_offer_have_their_schemas(file: str) -> None:
    for span in calls(file):
        conversation = span.conversation()
        if sketch(conversation) == _CALLED and conversation.tools:
            [tool] = conversation.tools
            assert (tool.name, (tool.description or "").rstrip(".")) == ("lookup_order", "Look an order up")
            assert set((tool.parameters or {})["properties"]) == {"order_id", "amount"}


@pytest.mark.parametrize(
    "file",
    [
        *("genai-openai-spanonly-1.3b0.bin", "genai-openai-eventonly-1.3b0.bin", "oi-openai-0.1.66.bin"),
        *("llmetry-openai-0.62.4.bin", "logfire-5.4.0.bin", "mlflow-3.17.2.bin", "openai-v2-content-2.4b0.bin"),
    ],
)
def test_parameters_of_one_call_are_the_same_words(file: str) -> None:
    parameters = calls(file)[0].conversation().parameters
    expected = {"temperature": 0.2, "max_tokens": 300, "top_p": 0.9, "seed": 7}
    if file.startswith("llmetry"):  # it leaves the seed out
        del expected["seed"]
    assert {name: parameters.get(name) for name in expected} == expected
    assert set(parameters) - {*expected, "user"} == set()


@pytest.mark.parametrize("file", sorted(_CALLS))
def test_what_lists_read_of_a_span_is_what_its_details_say(file: str) -> None:
    for span in recorded(file):
        whole = span.conversation(with_logs=False)
        said = Conversation(messages=whole.messages, input=whole.input, output=whole.output)
        assert span.said() == said
