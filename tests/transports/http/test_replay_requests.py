"""Every replay is accepted by ``/llm/generate``, whatever was stored, in any convention."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.errors import Refused
from actors.playground.messages import Replay
from actors.playground.replay.reading import replay_of
from tests.actors.playground.library_talks import ATTRIBUTES
from tests.actors.playground.stage import GEN_AI, NAMES, NEW, OPEN_INFERENCE, PARTS, span_with
from transports.http.framework.dispatch import json_bytes
from transports.http.framework.validation import structure_body
from transports.http.wire.prompts import prompt_in, request_class, request_document

pytestmark = pytest.mark.unit

_PROMPT = GEN_AI | {"gen_ai.input.messages": PARTS}


def handed_out(attributes: dict[str, Any], *, any_openai_model: bool = False) -> Replay:
    """The replay of a span, after its request was sent back as a client would."""
    replay = replay_of(span_with(attributes), any_openai_model=any_openai_model)
    sent = json_bytes({"request": request_document(replay.prompt), "lost": list(replay.not_carried_over)})
    request = json.loads(sent)["request"]
    taken = structure_body(request, request_class(any_openai_model))
    assert prompt_in(taken) == replay.prompt
    return replay


_ODD_NUMBERS: tuple[object, ...] = (
    1e308,
    -1,
    0,
    1.5,
    10**15 + 1,
    "x",
    "9" * 5000,
    "-1",
    True,
    [],
    {},
    [5],
    "1e999",
    "NaN",
    "Infinity",
    "",
)


@pytest.mark.parametrize("name", ["max_tokens", "temperature", "top_p", "stop_sequences", "reasoning.level"])
@pytest.mark.parametrize("value", _ODD_NUMBERS)
def test_a_parameter_that_does_not_fit_is_left_out_and_named(name: str, value: object) -> None:
    replay = handed_out(_PROMPT | {f"gen_ai.request.{name}": value})
    ours = {"stop_sequences": "stop", "reasoning.level": "reasoning_effort"}.get(name, name)
    lost = [loss for loss in replay.not_carried_over if loss.startswith(f"parameter {ours}: ")]
    assert bool(lost) is (getattr(replay.prompt, ours) is None)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("max_tokens", "50", 50),
        ("max_tokens", 50.0, 50),
        ("temperature", "0.5", 0.5),
        ("temperature", 2, 2.0),
        ("top_p", "1.0", 1.0),
    ],
)
def test_numbers_may_be_text_and_whole_floats(name: str, value: object, found: float) -> None:
    assert getattr(handed_out(_PROMPT | {f"gen_ai.request.{name}": value}).prompt, name) == found


@pytest.mark.parametrize("number", ["1e308", "1" * 400, "9" * 5000, "-5", "0.5", "NaN"])
@pytest.mark.parametrize("name", ["max_tokens", "max_output_tokens", "max_completion_tokens"])
def test_numbers_in_json_text(name: str, number: str) -> None:
    parameters = f'{{"{name}": {number}}}'
    prompt = handed_out(OPEN_INFERENCE | {"llm.invocation_parameters": parameters}).prompt
    assert (prompt.max_tokens, prompt.max_completion_tokens) == (None, None)


def test_indexes_of_any_length_and_alphabet() -> None:
    for index in ("9" * 5000, "٣", "²", "-1", "1e3"):
        replay = handed_out(_PROMPT | {f"llm.tools.{index}.tool.json_schema": "{}", f"gen_ai.prompt.{index}.role": "x"})
        assert len(replay.prompt.messages) == 3


@pytest.mark.parametrize(
    ("provider", "model", "any_openai_model", "name"),
    [
        ("openai", "GPT 4", False, "openai/gpt-4"),
        ("openai", "hf.co/Qwen/Qwen3-8B:Q4", False, "openai/hf.co-qwen-qwen3-8b-q4"),
        ("openai", "hf.co/Qwen/Qwen3-8B:Q4", True, "openai/hf.co/Qwen/Qwen3-8B:Q4"),
        ("openai", "my model\n", True, "openai/my-model"),
        ("mistral 2", "Mistral-Large", True, "mistral/mistral-large"),
        ("openai", "東京", False, "openai/unknown"),
        ("", "x" * 10**6, False, "unknown/" + "x" * 200),
        (5, {"a": 1}, False, "unknown/a-1"),
    ],
)
def test_a_model_of_any_name(provider: object, model: object, any_openai_model: bool, name: str) -> None:
    attributes = _PROMPT | {"gen_ai.provider.name": provider, "gen_ai.request.model": model}
    prompt = handed_out(attributes, any_openai_model=any_openai_model).prompt
    if provider in ("mistral 2", 5):  # a name like its own, of the letters that may be asked for
        assert prompt.model == name.partition("/")[2]
    else:
        assert f"{prompt.provider}/{prompt.model}" == name


def nested(levels: int) -> Any:
    value: Any = {"type": "object"}
    for _ in range(levels):
        value = {"properties": value}
    return value


@pytest.mark.parametrize("levels", [50, 300, 900])
def test_schemas_of_any_depth(levels: int) -> None:
    schema = json.dumps(nested(levels))
    tool = json.dumps([{"name": "f", "parameters": nested(levels)}])
    message = [{"role": "user", "content": nested(levels), "tool_calls": [{"name": "f", "arguments": nested(levels)}]}]
    attributes = {"ai.schema": schema, "gen_ai.tool.definitions": tool, "gen_ai.input.messages": json.dumps(message)}
    replay = handed_out(GEN_AI | attributes)
    kept = levels < 100
    assert (replay.prompt.json_schema is not None, len(replay.prompt.tools)) == (kept, int(kept))
    assert ("the schema of the answer: nested too deep" in replay.not_carried_over) is not kept


def _bodies(deep: Any) -> list[dict[str, Any]]:
    """Requests to providers with something deep at every place, as LangSmith, Langfuse and Logfire have them."""
    message = {"role": "user", "content": deep, "tool_calls": [{"name": "f", "arguments": deep}]}
    constructed = json.dumps({"messages": [[{"type": "constructor", "kwargs": {"content": deep}}]]})
    body = {
        "messages": [message],
        "tools": [{"name": "f", "parameters": deep}],
        "logit_bias": deep,
        "response_format": {"json_schema": {"schema": deep}},
    }
    return [
        {"request_data": json.dumps(body)},
        {"gen_ai.prompt": constructed},
        {"langfuse.observation.type": "generation", "langfuse.observation.input": json.dumps([message])},
    ]


def _other_forms(deep: Any) -> list[dict[str, Any]]:
    """The like of Google ADK and Pydantic AI."""
    tools = [{"name": "f", "parameters": deep}]
    config = {"tools": [{"function_declarations": tools}], "response_schema": deep, "system_instruction": deep}
    parts = [{"function_call": {"args": deep}}, {"text": deep}, {"function_response": deep}]
    request = {"config": config, "contents": [{"role": "model", "parts": parts}]}
    event = {"event.name": "gen_ai.user.message", "content": [{"kind": deep}, {"toolUse": deep}, deep]}
    return [
        {"gcp.vertex.agent.llm_request": json.dumps(request)},
        {"events": json.dumps([event]), "model_request_parameters": json.dumps({"function_tools": tools})},
    ]


@pytest.mark.parametrize("levels", [50, 300, 900])
def test_requests_of_libraries_of_any_depth(levels: int) -> None:
    deep = nested(levels)
    for attributes in (*_bodies(deep), *_other_forms(deep)):
        assert handed_out(attributes).prompt.messages


def test_losses_are_few_and_short() -> None:
    parts = [{"type": f"{number}" + "x" * 1000} for number in range(1000)]
    attributes = {"gen_ai.input.messages": [{"role": "user", "parts": parts}], "gen_ai.request.max_tokens": "y" * 10**6}
    losses = handed_out(GEN_AI | attributes).not_carried_over
    assert len(losses) == 101
    assert losses[-1] == "and 901 more"
    assert all(len(loss) <= 300 for loss in losses)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("role", "content", "parts", "type", "text", "tool_calls", "function", "name", "id", "arguments"),
                    *("max_tokens", "temperature", "stop", "parameters", "input", "result", "toolName"),
                    *("messages", "contents", "config", "kwargs", "event.name", "toolUse", "tools", "reasoning"),
                    *("function_call", "function_response", "function_declarations", "system", "kind"),
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
_MORE_NAMES = (
    *("gen_ai.request.top_p", "gen_ai.request.reasoning.level", "llm.request.max_tokens", "llm.top_p", "gen_ai.prompt"),
    *("ai.prompt", "ai.schema", "junjo.agent.model.request", "gen_ai.request.structured_output_schema"),
    *("gen_ai.output.type", "junjo.agent.model.request.mode", "llm.prompts.0.content", "llm.request.model"),
)


def as_stored(value: object) -> Any:
    """A span as the store keeps it: without values that JSON cannot hold."""
    return orjson.loads(orjson.dumps(json.loads(json.dumps(value), parse_int=float), default=str))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from((*NAMES, *_MORE_NAMES)),
        _JSON | _JSON.map(json.dumps) | st.sampled_from(_ODD_NUMBERS),
        max_size=8,
    ),
    st.sampled_from((NEW, OPEN_INFERENCE, {}, *ATTRIBUTES.values())),
    st.booleans(),
)
def test_whatever_was_stored_is_taken_again(
    attributes: dict[str, Any], base: dict[str, Any], any_openai_model: bool
) -> None:
    try:
        replay = handed_out(as_stored(base | attributes), any_openai_model=any_openai_model)
    except Refused:
        return
    assert replay.prompt.messages
