"""One trace as a parcel: from one studio to another with its log records, under the same ids."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from studio.transfer.client import StudioClient
from studio.transfer.downloads import export
from studio.transfer.uploads import import_files
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.source import PROJECT

pytestmark = pytest.mark.integration

RECORDINGS = PROJECT / "tests" / "recordings" / "instrumentations"
WITH_LOGS = sorted(path.name.removesuffix(".logs.bin") for path in RECORDINGS.glob("*.logs.bin"))
TRACES = "/api/v1/observability/traces"


@pytest.mark.parametrize("name", [*WITH_LOGS, "pydantic-ai-2.68.0", "mlflow-no-root-3.17.2"])
async def test_a_trace_is_elsewhere_what_it_was_here(tmp_path: Path, name: str) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    async with studio_in(tmp_path / "here") as here, studio_in(tmp_path / "there") as there:
        cookies = await here.set_up(), await there.set_up()
        mine, theirs = await client_of(here, cookies[0]), await client_of(there, cookies[1])
        await fill(here, mine.key, name)
        for trace_id in trace_ids(await lines_of(mine, tmp_path / "all.jsonl", {})):
            parcel = tmp_path / f"{trace_id}.jsonl"
            lines = await lines_of(mine, parcel, {"trace_id": trace_id})
            assert trace_ids(lines) == [trace_id]
            before = await views(here, cookies[0], trace_id)
            for _ in range(2):  # the second time changes nothing
                await asyncio.to_thread(import_files, theirs, [parcel])
                assert await views(there, cookies[1], trace_id) == before
                assert await lines_of(theirs, tmp_path / "again.jsonl", {"trace_id": trace_id}) == lines
        for what in ("spans", "logs"):
            count = [len(await lines_of(each, tmp_path / "n.jsonl", {"what": what})) for each in (mine, theirs)]
            assert count[0] == count[1]
            assert count[0] or what == "logs"


def studio_in(folder: Path) -> AbstractAsyncContextManager[HttpStudio]:
    return running_http_studio(folder, http_config())


async def client_of(studio: HttpStudio, cookie: str) -> StudioClient:
    return StudioClient(f"http://127.0.0.1:{studio.port}", await studio.make_key(cookie, "ingest", "read"))


async def fill(studio: HttpStudio, key: str, name: str) -> None:
    sent = {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"}
    for path, file in (("/v1/traces", f"{name}.bin"), ("/v1/logs", f"{name}.logs.bin")):
        if (RECORDINGS / file).exists():
            reply = await studio.call("POST", path, data=(RECORDINGS / file).read_bytes(), headers=sent)
            assert reply.status == 200


async def lines_of(client: StudioClient, path: Path, query: dict[str, str]) -> list[bytes]:
    await asyncio.to_thread(export, client, path, {"format": "jsonl"} | query)
    return (await asyncio.to_thread(path.read_bytes)).splitlines()


def trace_ids(lines: list[bytes]) -> list[str]:
    """Those of spans and log records."""
    found = set()
    for line in lines:
        [(member, [frame])] = json.loads(line).items()
        scopes, items = ("scopeSpans", "spans") if member == "resourceSpans" else ("scopeLogs", "logRecords")
        found |= {item["traceId"] for scope in frame[scopes] for item in scope[items]}
    return sorted(found)


async def views(studio: HttpStudio, cookie: str, trace_id: str) -> dict[str, bytes]:
    """Everything that is told of a trace and of each of its spans, as it is sent."""
    answers: dict[str, bytes] = {}
    for path in ("", "/outline", *await details(studio, cookie, trace_id)):
        reply = await studio.call("GET", f"{TRACES}/{trace_id}{path}", cookie=cookie)
        assert reply.status == 200
        answers[path] = reply.body
    return answers


async def details(studio: HttpStudio, cookie: str, trace_id: str) -> list[str]:
    reply = await studio.call("GET", f"{TRACES}/{trace_id}", cookie=cookie)
    return [f"/spans/{span['span_id']}/detail" for span in reply.json["spans"]]
