"""The program from outside: exit codes, output, and how it stops."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

from studio import __version__
from tests.studio.stage import ended
from tests.studio_process import environment, start_studio, studio_process
from transports.http.app import ROUTES
from transports.http.framework.openapi import openapi_document

pytestmark = pytest.mark.integration


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_version(data_dir: Path) -> None:
    assert await ended(data_dir, "--version") == (0, f"{__version__}\n", [])


async def test_the_openapi_document_needs_no_settings(data_dir: Path) -> None:
    code, out, err = await ended(data_dir, "openapi", JUNJO_ENV="production")
    assert (code, err) == (0, [])
    assert json.loads(out) == json.loads(json.dumps(openapi_document(ROUTES, __version__)))
    assert not await asyncio.to_thread(data_dir.exists)


async def test_a_command_loads_what_it_needs(data_dir: Path) -> None:
    program = (
        "import sys, studio.cli as cli; cli.main(['user', 'list']); print([m for m in sys.argv if m in sys.modules])"
    )
    heavy = ("duckdb", "openai", "google.genai", "grpclib", "studio.app")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *heavy, stdout=PIPE, stderr=PIPE, env=environment(data_dir)
    )
    out, _ = await process.communicate()
    assert out.decode() == "[]\n"


async def test_an_unknown_command_is_explained(data_dir: Path) -> None:
    code, _, err = await ended(data_dir, "dance")
    assert code == 2
    assert "invalid choice: 'dance'" in err[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_order(data_dir: Path, number: signal.Signals) -> None:
    async with studio_process(data_dir) as studio:
        async with aiohttp.request("GET", f"http://127.0.0.1:{studio.http_port}/health") as answer:
            assert answer.status == 200
        studio.process.send_signal(number)
        out, err = await studio.process.communicate()
    assert studio.process.returncode == 0
    assert err == b""
    assert json.loads(out.splitlines()[-1])["event"] == "studio stopped"


async def test_it_listens_where_it_says(data_dir: Path) -> None:
    async with studio_process(data_dir) as studio:
        for port in (studio.http_port, studio.otlp_port, studio.grpc_port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()


@pytest.mark.security
async def test_the_data_is_its_owners_alone(data_dir: Path) -> None:
    async with studio_process(data_dir):
        modes = await asyncio.to_thread(_rights_of_others, data_dir)
    assert modes == {0}


async def test_bad_settings_are_a_line_each(data_dir: Path) -> None:
    code, out, err = await ended(data_dir, JUNJO_OTLP_PORT="x", JUNJO_LOG_LEVEL="loud")
    assert (code, out) == (2, "")
    assert err == [
        "studio: JUNJO_OTLP_PORT: must be a whole number from 0 to 65535, but is 'x'",
        "studio: JUNJO_LOG_LEVEL: must be debug, info, warn or error, but is 'loud'",
    ]


@pytest.mark.parametrize("variable", ["JUNJO_BACKEND_PORT", "JUNJO_OTLP_PORT", "GRPC_PORT", "JUNJO_OTLP_EXTRA_PORTS"])
async def test_a_taken_port_is_one_line_with_the_variable_to_change(data_dir: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await ended(data_dir, **{variable: str(port)})
    assert (code, out) == (2, "")
    (line,) = err
    assert str(port) in line
    assert variable in line


async def test_a_second_start_with_the_same_settings_names_the_port(data_dir: Path) -> None:
    async with studio_process(data_dir) as studio:
        code, _, err = await ended(data_dir, JUNJO_BACKEND_PORT=str(studio.http_port))
    assert code == 2
    assert "JUNJO_BACKEND_PORT" in err[0]


async def test_two_studios_cannot_share_a_data_folder(data_dir: Path) -> None:
    async with studio_process(data_dir):
        code, out, err = await ended(data_dir)
    assert (code, out) == (2, "")
    (line,) = err
    assert line.startswith(f"studio: The data in {data_dir} is in use by another studio")
    assert "JUNJO_DATA_DIR" in line


async def test_a_host_that_is_none_is_one_line(data_dir: Path) -> None:
    code, _, err = await ended(data_dir, JUNJO_HOST="no such host")
    assert code == 2
    assert len(err) == 1
    assert err[0].startswith("studio: JUNJO_HOST: 'no such host' is no address to listen on")


@pytest.mark.security
async def test_what_can_be_guessed_or_reached_is_said_at_start(data_dir: Path) -> None:
    secret = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
    production = {
        "JUNJO_ENV": "production",
        "JUNJO_SESSION_SECRET": "short",
        "JUNJO_SECURE_COOKIE_KEY": secret,
        "JUNJO_PROD_FRONTEND_URL": "http://localhost:5153",
        "JUNJO_PROD_BACKEND_URL": "http://localhost:1323",
        "JUNJO_PROD_INGESTION_URL": "http://localhost:50051",
    }
    code, _, err = await ended(data_dir, **production)
    assert code == 2
    assert [line[:29] for line in err] == ["studio: JUNJO_SESSION_SECRET:"]
    async with studio_process(data_dir, JUNJO_ALLOW_WEAK_SECRETS="true", **production) as studio:
        studio.process.send_signal(signal.SIGTERM)
        out, _ = await studio.process.communicate()
    warnings = [json.loads(line)["event"] for line in out.splitlines() if json.loads(line)["level"] == "warning"]
    assert [line.startswith("JUNJO_ALLOW_WEAK_SECRETS lets this pass") for line in warnings] == [True]


@pytest.mark.error_recovery
async def test_a_part_that_cannot_live_ends_it_with_a_code(data_dir: Path) -> None:
    (data_dir / "sqlite" / "junjo.db").mkdir(parents=True)  # a folder where the database file should be
    code, out, err = await ended(data_dir)
    assert code == 1
    assert err[-1].endswith("junjo.db cannot be used as the account database: Is a directory")
    assert any(json.loads(line)["event"] == "actor refused to start" for line in out.splitlines())


async def test_a_person_at_a_terminal_reads_what_to_do_next(data_dir: Path) -> None:
    ours, its = os.openpty()
    process = await start_studio(data_dir, output=its)
    os.close(its)
    shown = await asyncio.to_thread(_read_until, ours, b"Ctrl-C stops the studio.")
    process.send_signal(signal.SIGINT)
    await process.communicate()
    os.close(ours)
    assert process.returncode == 0
    assert "/users/create-first-user" in shown
    assert "/sign-in" not in shown
    assert str(data_dir) in shown


def _rights_of_others(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]}


def _read_until(terminal: int, wanted: bytes) -> str:
    shown = b""
    while wanted not in shown:
        shown += os.read(terminal, 4096)
    return shown.decode()
