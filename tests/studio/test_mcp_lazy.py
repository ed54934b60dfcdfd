"""The package behind /mcp is loaded when somebody asks: it takes half a second, and 29 MB of an idle studio."""

from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.http_studio import ADMIN
from tests.studio_process import StudioProcess, studio_process

pytestmark = pytest.mark.integration

ASKED = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def has_loaded(studio: StudioProcess) -> bool:
    """By the library that the package brings along, and nothing else in the studio."""
    return "pydantic_core" in Path(f"/proc/{studio.process.pid}/maps").read_text()


async def test_a_started_studio_has_not_loaded_it(tmp_path: Path) -> None:
    async with (
        studio_process(tmp_path / "data") as studio,
        ClientSession(f"http://127.0.0.1:{studio.http_port}") as client,
    ):
        async with client.post("/users/create-first-user", json=ADMIN) as answer:
            cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Accept": "application/json"}
        async with client.get("/api/v1/observability/services", headers=cookie) as answer:
            assert answer.status == 200
        assert not has_loaded(studio)
        async with client.post("/mcp", json=ASKED, headers=cookie) as answer:
            assert "search_traces" in await answer.text()
        assert has_loaded(studio)
