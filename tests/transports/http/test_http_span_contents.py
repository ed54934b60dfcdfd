"""What the details of a model call say: messages, log records and costs, from recordings of real libraries."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.http_studio import HttpStudio
from tests.spans import any_value, logs_request, otlp_log
from tests.transports.http.stage import TRACE, Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
WITH_CONTENT = (
    "openai-v2-content-2.4b0",  # in log records
    "genai-openai-spanonly-1.3b0",
    "oi-anthropic-3.1.0",
    "vercel-ai-6.0.326",
    "litellm-1.110.2",  # which says what calls cost
)


async def send_logs(reader: Reader, body: bytes) -> None:
    key = await reader.studio.make_key(reader.cookie)
    headers = {"Content-Type": "application/x-protobuf", "x-junjo-api-key": key}
    assert (await reader.studio.call("POST", "/v1/logs", data=body, headers=headers)).status == 200


async def details_of(reader: Reader, name: str) -> list[Any]:
    """The details of the model calls of a recording that were answered."""
    calls = [each for each in TRUTH[f"{name}.bin"] if not each["error"] and not each["duplicate_of_sdk_span"]]
    return [await reader.json(f"{each['trace_id']}/spans/{each['span_id']}/detail") for each in calls]


@pytest.fixture
async def reader(studio: HttpStudio) -> Reader:
    return Reader(studio, await studio.set_up())


@pytest.mark.parametrize("name", WITH_CONTENT)
async def test_a_call_shows_what_was_asked_and_answered_and_what_it_cost(reader: Reader, name: str) -> None:
    await reader.send_bytes((RECORDINGS / f"{name}.bin").read_bytes())
    logs = RECORDINGS / f"{name}.logs.bin"
    if logs.exists():
        await send_logs(reader, logs.read_bytes())
    details = await details_of(reader, name)
    assert details
    for detail in details:
        sides = [message["side"] for message in detail["messages"] if message["parts"]]
        assert sides == sorted(sides), "what was asked comes before what was answered"
        assert set(sides) == {"input", "output"}
        assert bool(detail["logs"]) is logs.exists()
        cost = detail["cost"]
        assert cost["usd"] == detail["span"]["cost_usd"]
        assert cost["source"] == detail["span"]["cost_source"]
        if cost["lines"]:
            assert math.isclose(math.fsum(line["usd"] for line in cost["lines"]), cost["usd"], rel_tol=1e-9)


async def test_lists_of_spans_have_a_line_of_each_side(reader: Reader) -> None:
    name = "oi-anthropic-3.1.0"
    await reader.send_bytes((RECORDINGS / f"{name}.bin").read_bytes())
    answered = [each for each in TRUTH[f"{name}.bin"] if not each["error"] and not each["duplicate_of_sdk_span"]]
    calls = {each["span_id"]: each["trace_id"] for each in answered}
    spans = [span for trace_id in set(calls.values()) for span in (await reader.json(trace_id))["spans"]]
    lines = [(span["input_preview"], span["output_preview"]) for span in spans if span["span_id"] in calls]
    assert len(lines) == len(calls)
    for line in (each for pair in lines for each in pair):
        assert line
        assert len(line) <= 200
        assert "\n" not in line


async def test_a_large_text_of_a_message_is_its_beginning(reader: Reader) -> None:
    asked = "word " * 100_000
    span = call(1)
    content = json.dumps([{"role": "user", "parts": [{"type": "text", "content": asked}]}])
    span.attributes.add(key="gen_ai.input.messages", value=any_value(content))
    await reader.send(span)
    detail = await reader.json(f"{TRACE}/spans/{1:016x}/detail")
    [message] = detail["messages"]
    assert message["parts"] == [{"type": "text", "text": asked[: 16 * 1024]}]
    cut = {(each["in"], each["key"]): each["bytes"] for each in detail["truncated"]}
    assert cut == {
        ("attributes", "gen_ai.input.messages"): len(content),
        ("messages", "0.0"): len(asked),
    }
    whole = await reader.get(f"{TRACE}/spans/{1:016x}/attributes/gen_ai.input.messages")
    assert whole.body.decode() == content


async def test_log_records_come_oldest_first_with_their_times(reader: Reader) -> None:
    await reader.send(made(1))
    await send_logs(reader, logs_request(otlp_log(7, body="later"), otlp_log(3, body={"a": [1]})).SerializeToString())
    detail = await reader.json(f"{TRACE}/spans/{1:016x}/detail")
    assert [each["body"] for each in detail["logs"]] == [{"a": [1]}, "later"]
    first = detail["logs"][0]
    assert first["time"] < first["observed_time"]
    assert first["time"].endswith("Z")
    assert (first["severity_number"], first["severity"], first["event_name"]) == (9, "INFO", "log 3")
    assert detail["cost"] is None


async def test_a_call_whose_model_has_no_price_says_so(reader: Reader) -> None:
    span = made(1)
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "nobody-7b", "gen_ai.usage.input_tokens": 7}
    for key, value in said.items():
        span.attributes.add(key=key, value=any_value(value))
    await reader.send(span)
    detail = await reader.json(f"{TRACE}/spans/{1:016x}/detail")
    assert (detail["cost"]["usd"], detail["cost"]["lines"]) == (None, [])
    assert "nobody-7b" in detail["cost"]["missing"]
    assert (await reader.json(TRACE))["trace"]["unpriced"] == 1
