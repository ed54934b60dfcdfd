"""Every question of docs/questions.md, asked as it stands there, over what was recorded of real programs."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.live_socket import live_socket
from tests.source import PROJECT

pytestmark = pytest.mark.integration

RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"
RUNS = PROJECT / "tests" / "recordings" / "junjo_runs_0.69.0.bin"
PROMPTS = PROJECT / "tests" / "recordings" / "langfuse_prompts_5.2.0.bin"
HELPFUL = {"1": (0.25, 0.75, 0.5, 0.5), "2": (1.0, 1.0, 0.5, 1.0, 0.75, 1.0)}  # scores of traces, by prompt version
API = "/api/v1/observability"
DELETED = "haystack"


@attrs.frozen
class Question:
    """A question, its request, and what the document says of the answer."""

    title: str
    path: str
    answer: Any


def documented() -> list[Question]:
    text = (PROJECT / "docs" / "questions.md").read_text()
    found = re.findall(
        r"^## ([^\n]+)\n\n```http\nGET (\S+)\n```\n\n```json\n(.*?)```$", text, flags=re.DOTALL | re.MULTILINE
    )
    return [Question(title, path, json.loads(answer)) for title, path, answer in found]


QUESTIONS = documented()


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


async def filled(studio: HttpStudio, *more: Path) -> str:
    """All recordings are stored; the cookie of an admin."""
    cookie = await studio.set_up()
    await send_recordings(studio, cookie, *more)
    return cookie


async def send_recordings(studio: HttpStudio, cookie: str, *more: Path) -> None:
    sent = {"x-junjo-api-key": await studio.make_key(cookie), "Content-Type": "application/x-protobuf"}
    for path in (*sorted(RECORDINGS.glob("*.bin")), *more):
        to = "/v1/logs" if ".logs" in path.name else "/v1/traces"
        assert (await studio.call("POST", to, data=path.read_bytes(), headers=sent)).status == 200


def test_each_section_is_a_question() -> None:
    text = (PROJECT / "docs" / "questions.md").read_text()
    assert [each.title for each in QUESTIONS] == re.findall("^## (.+)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
async def test_its_answer_is_what_the_document_says(studio: HttpStudio, question: Question) -> None:
    if question.path == "/api/v1/live":
        heard = await heard_live(studio, question.answer)
        assert not [*differences(question.answer, heard)], json.dumps(heard)
        return
    cookie = await filled(studio, *([RUNS] if "workflows" in question.path else []))
    if "score=" in question.path:
        await send_prompts_with_scores(studio, cookie)
    if "audit" in question.path:
        assert (await studio.call("DELETE", f"{API}/services/{DELETED}", cookie=cookie)).status == 200
    reply = await studio.call("GET", question.path, cookie=cookie)
    assert reply.status == 200, reply.body
    lines = "jsonl" in question.path
    answer = [json.loads(line) for line in reply.body.splitlines()] if lines else reply.json
    assert not [*differences(question.answer, answer)], json.dumps(answer)


async def send_prompts_with_scores(studio: HttpStudio, cookie: str) -> None:
    assert (await studio.send_spans(await studio.make_key(cookie), PROMPTS.read_bytes())).status == 200
    for version, values in HELPFUL.items():
        asked = f"{API}/traces?q=prompt_version:{version}&sort=start"
        traces = (await studio.call("GET", asked, cookie=cookie)).json["traces"]
        for trace, value in zip(traces, values, strict=True):
            score = {"name": "helpful", "value": value, "source": "human"}
            path = f"{API}/traces/{trace['trace_id']}/scores"
            assert (await studio.call("POST", path, body=score, cookie=cookie)).status == 201


async def heard_live(studio: HttpStudio, said: list[Any]) -> list[Any]:
    """The frame that asks, and as many as are said of what is heard while everything is stored."""
    cookie = await studio.set_up()
    async with live_socket(studio, cookie=cookie) as socket:
        await socket.send(**said[0])
        heard = [said[0], *await socket.until("caught_up")]
        await send_recordings(studio, cookie)
        while len(heard) < len(said):
            heard.append(await socket.next())
    return heard


def differences(said: Any, answer: Any, where: str = "") -> list[str]:
    """Where an answer is not what is said of it. An object may have more members than are said."""
    if said in ("…", answer):
        return []
    if isinstance(said, int | float) and not isinstance(said, bool) and is_near(said, answer, where):
        return []
    if isinstance(said, dict) and isinstance(answer, dict):
        members = [(name, f"{where}/{name}") for name in said]
        return [each for name, place in members for each in differences(said[name], answer.get(name, "nothing"), place)]
    if isinstance(said, list) and isinstance(answer, list):
        if said[-1:] == ["…"]:
            said, answer = said[:-1], answer[: len(said) - 1]
        pairs = enumerate(zip_longest(said, answer, fillvalue="nothing"))
        return [each for number, pair in pairs for each in differences(*pair, f"{where}/{number}")]
    return [f"{where}: {answer!r} is not {said!r}"]


def is_near(said: float, answer: Any, where: str) -> bool:
    """Quantiles may be off by 2 %, and sums by what is lost of floats."""
    tolerance = 0.02 if "duration_ns" in where else 1e-9
    return isinstance(answer, int | float) and answer == pytest.approx(said, rel=tolerance)


async def test_costs_of_models_are_the_sums_of_their_calls(studio: HttpStudio) -> None:
    cookie = await filled(studio)
    groups = (await studio.call("GET", QUESTIONS[0].path, cookie=cookie)).json["groups"]
    reply = await studio.call("GET", f"{API}/export?format=jsonl&what=spans", cookie=cookie)
    calls, dollars = Counter[str | None](), Counter[str | None]()
    for trace_id in set(re.findall(r'"traceId":"(\w+)","spanId"', reply.body.decode())):
        for span in (await studio.call("GET", f"{API}/traces/{trace_id}", cookie=cookie)).json["spans"]:
            if span["counted"]:
                calls[span["model"]] += 1
                dollars[span["model"]] += span["cost_usd"] or 0
    assert {group["key"]["model"]: group["total"]["count"] for group in groups} == calls
    for group in groups:
        assert (group["total"]["cost_usd"] or 0) == pytest.approx(dollars[group["key"]["model"]])
