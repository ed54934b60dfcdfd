"""The programs that the README shows, run against a studio as its reader would."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.studio_process import ROOT, StudioProcess, studio_process

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

BLOCKS: list[str] = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
)
ACCOUNT = {"email": "you@example.com", "password": "at least 8 characters"}


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[StudioProcess]:
    async with studio_process(tmp_path / "data") as studio:
        yield studio


@pytest.fixture
async def key(studio: StudioProcess) -> str:
    """An API key, made as the README says."""
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{studio.http_port}", cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as session:
        await session.post("/users/create-first-user", json=ACCOUNT)
        answer = await session.post("/api_keys", json={"name": "my first key"})
        assert answer.status == 201
        return str((await answer.json())["key"])


def block(*words: str) -> str:
    """The one Python program of the README in which all the words occur."""
    (found,) = [text for text in BLOCKS if all(word in text for word in words)]
    return found


async def run(program: str, studio: StudioProcess, key: str) -> None:
    program = program.replace("localhost:50051", f"localhost:{studio.otlp_port}")
    program = program.replace("localhost:1323", f"localhost:{studio.http_port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        env={"PATH": os.environ["PATH"], "JUNJO_AI_STUDIO_API_KEY": key},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")


async def root_spans(studio: StudioProcess, key: str, service: str) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{studio.http_port}/api/v1/observability/services/{service}/spans/root?limit=10"
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"Bearer {key}"}) as answer,
    ):
        assert answer.status == 200
        spans: list[dict[str, Any]] = await answer.json()
        return spans


async def test_the_sdk_over_grpc(studio: StudioProcess, key: str) -> None:
    await run(block("proto.grpc"), studio, key)
    (span,) = await root_spans(studio, key, "my-agent")
    assert (span["name"], span["attributes_json"]) == ("think", {"gen_ai.request.model": "some-model"})


async def test_the_sdk_over_http(studio: StudioProcess, key: str) -> None:
    await run(block("proto.http"), studio, key)
    (span,) = await root_spans(studio, key, "my-agent-http")
    assert span["name"] == "think"


async def test_junjo(studio: StudioProcess, key: str) -> None:
    pytest.importorskip("junjo", reason="junjo does not allow this patch release of Python")
    workflow = 'with trace.get_tracer("junjo").start_as_current_span("a workflow"): pass\n'
    await run(block("JunjoOtelExporter").replace("provider.shutdown()", workflow + "provider.shutdown()"), studio, key)
    (span,) = await root_spans(studio, key, "my-workflow")
    assert span["name"] == "a workflow"


async def test_curl(studio: StudioProcess, key: str) -> None:
    (command,) = re.findall(
        r"^curl \S+/v1/traces .*?-d '(.*?)'$", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
    )
    url = f"http://127.0.0.1:{studio.http_port}/v1/traces"
    headers = {"x-junjo-api-key": key, "content-type": "application/json"}
    async with aiohttp.ClientSession() as session, session.post(url, data=command, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {})
    (span,) = await root_spans(studio, key, "by-hand")
    assert span["name"] == "hello"
