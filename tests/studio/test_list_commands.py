"""``studio traces`` and ``studio stats``: what they print, and that they are the API's answers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.http_studio import ADMIN
from tests.source import PROJECT
from tests.studio.asking import HOSTILE, STYLE, TRACE, Asker, asking, made, some_trace

pytestmark = pytest.mark.integration

API = "/api/v1/observability"
RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    async with asking(tmp_path) as somebody:
        yield somebody


async def filled(asker: Asker) -> None:
    for path in sorted(RECORDINGS.glob("*.bin")):
        if ".logs" not in path.name:
            assert (await asker.studio.send_spans(asker.key, path.read_bytes())).status == 200


async def test_traces_are_two_lines_each(asker: Asker) -> None:
    await asker.send(*some_trace())
    code, out, err = await asker.ask("traces")
    assert (code, err) == (0, [])
    assert out.splitlines() == [
        "2023-11-14 22:13:20.001  answer  tests",
        f"  {TRACE}  2.00 s  4 spans  1 error  1,100/20  $0.00031",
    ]
    assert (await asker.ask("traces", "service:nobody"))[1] == "No trace is like that.\n"


async def test_sums_are_a_table(asker: Asker) -> None:
    await asker.send(*some_trace())
    code, out, err = await asker.ask("stats", "--group-by", "model")
    assert (code, err) == (0, [])
    heading, row = out.splitlines()
    assert heading.split() == ["calls", "count", "errors", "tokens", "cost", "p50", "p95"]
    assert row.split() == ["gpt-4o", "1", "0", "1,100/20", "$0.00031", "812", "ms", "812", "ms"]


async def test_a_score_is_a_column(asker: Asker) -> None:
    await asker.send(*some_trace())
    cookie = (await asker.studio.call("POST", "/sign-in", body=ADMIN)).cookie
    for value in (0.5, 1):
        path, score = f"{API}/traces/{TRACE}/scores", {"name": "good", "value": value, "source": "human"}
        assert (await asker.studio.call("POST", path, body=score, cookie=cookie)).status == 201
    heading, row = (await asker.ask("stats", "--score", "good"))[1].splitlines()
    assert (heading.split()[-1], row.split()[-2:]) == ("score", ["0.75", "(2)"])
    _, row = (await asker.ask("stats", "--score", "bad"))[1].splitlines()
    assert row.split()[-1] == "-"


async def test_buckets_of_time_are_in_the_zone_that_is_asked_for(asker: Asker) -> None:
    await asker.send(*some_trace())
    period = ["--from", "2023-11-14T21:00:00Z", "--to", "2023-11-14T23:00:00Z"]
    out = (await asker.ask("stats", "--interval", "1h", "--tz", "Asia/Kolkata", *period, "--of", "spans"))[1]
    first = [line.split()[:3] for line in out.splitlines()]
    assert first[:2] == [["spans", "count", "errors"], ["all", "4", "1"]]
    assert ["2023-11-15", "03:00", "4"] in first


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        (["traces"], "traces"),
        (
            ["traces", "model:gpt*", "--service", "shop", "--from", "now-900w", "--to", "now", "--limit", "3"],
            f"traces?q={quote('model:gpt*')}&service=shop&from=now-900w&to=now&limit=3",
        ),
        (["traces", "--sort", "cost", "--limit", "2"], "traces?sort=-cost&limit=2"),
        (
            ["stats", "type:llm", "--of", "spans", "--group-by", "service,type"],
            "stats?q=type:llm&of=spans&group_by=service,type",
        ),
        (["stats", "--service", 'a "b" \\'], "stats?q=" + quote(r'service:"a \"b\" \\"')),
        (["stats", "type:llm", "--service", "oi-agno"], "stats?q=" + quote('(type:llm) service:"oi-agno"')),
    ],
)
async def test_for_programs_it_is_the_answer_of_the_api(asker: Asker, arguments: list[str], query: str) -> None:
    await filled(asker)
    code, out, err = await asker.ask(*arguments, "--json")
    assert (code, err) == (0, [])
    reply = await asker.studio.call("GET", f"{API}/{query}", headers={"x-junjo-api-key": asker.key})
    asked, told = json.loads(out), reply.json
    assert {name: value for name, value in asked.items() if name != "to"} == {
        name: value for name, value in told.items() if name != "to"
    }


async def test_a_page_says_how_to_get_the_next(asker: Asker) -> None:
    await filled(asker)
    pages = [(await asker.ask("traces", "--limit", "2"))[1].splitlines()]
    *_, after = pages[0]
    assert after.startswith("more: --after ")
    pages.append((await asker.ask("traces", "--limit", "2", "--after", after.split()[-1]))[1].splitlines())
    assert len(pages[1]) == 5
    assert not set(pages[0][1:4:2]) & set(pages[1][1:4:2])


@pytest.mark.parametrize("arguments", [["traces"], ["stats", "--group-by", "service,model,agent"]])
async def test_a_terminal_of_eighty_columns_is_enough(asker: Asker, arguments: list[str]) -> None:
    await filled(asker)
    lines = STYLE.sub("", await asker.in_terminal(*arguments)).splitlines()
    assert max(map(len, lines)) <= 80


@pytest.mark.security
async def test_names_tell_no_terminal_what_to_do(asker: Asker) -> None:
    session: dict[str, Any] = {"session.id": HOSTILE}
    await asker.send(made(1, name=HOSTILE, **session))
    for arguments in (["traces"], ["stats", "--of", "spans", "--group-by", "session"]):
        for out in ((await asker.ask(*arguments))[1], STYLE.sub("", await asker.in_terminal(*arguments, columns=200))):
            assert all(character.isprintable() for character in out.replace("\n", ""))
            assert "[red]:bomb: \u5546" in out


async def test_a_fault_of_a_filter_names_its_place(asker: Asker) -> None:
    code, out, err = await asker.ask("traces", "model:gpt nobody:x")
    assert (code, out, len(err)) == (1, "", 1)
    assert "says 422: q 11: " in err[0]
