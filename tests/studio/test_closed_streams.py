"""A studio whose standard input, output or error is closed, full, or no longer read."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from tests.studio_process import environment, start_studio

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

ON_LINUX = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full and /proc")
PORTS = ("JUNJO_BACKEND_PORT", "JUNJO_OTLP_PORT", "GRPC_PORT")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def started(data_dir: Path, redirection: str, *arguments: str, **variables: str) -> Process:
    """The program, started by a shell that does with its streams what is said."""
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'exec "$0" "$@" {redirection}', sys.executable, "-P", "-m", "studio", *arguments),
        env=environment(data_dir) | variables,
        cwd=data_dir.parent,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def running(data_dir: Path, redirection: str, **variables: str) -> AsyncIterator[tuple[Process, int]]:
    """A studio that cannot say where it listens, and its port for HTTP."""
    ports = free_ports()
    variables |= {name: str(port) for name, port in ports.items()}
    process = await started(data_dir, redirection, **variables)
    try:
        await until_listening(process, ports["JUNJO_BACKEND_PORT"])
        yield process, ports["JUNJO_BACKEND_PORT"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def free_ports() -> dict[str, int]:
    with closing(socket.socket()) as one, closing(socket.socket()) as two, closing(socket.socket()) as three:
        for each in (one, two, three):
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(PORTS, (one, two, three), strict=True)}


async def until_listening(process: Process, port: int) -> None:
    while True:
        assert process.returncode is None, (await process.communicate())[1].decode()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def status_of(port: int, path: str = "/health") -> int:
    async with aiohttp.request("GET", f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
async def test_it_runs_with_closed_streams(data_dir: Path, redirection: str) -> None:
    async with running(data_dir, redirection) as (process, port):
        assert await status_of(port) == 200
        assert await status_of(port, "/nowhere") == 404
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


@ON_LINUX
@pytest.mark.security
async def test_no_file_of_the_studio_takes_the_place_of_a_closed_stream(data_dir: Path) -> None:
    """Otherwise the prints of a library would go into a database."""
    async with running(data_dir, "<&- >&- 2>&-") as (process, port):
        assert await status_of(port) == 200
        opened = await asyncio.to_thread(
            lambda: [str(Path(f"/proc/{process.pid}/fd/{n}").readlink()) for n in range(3)]
        )
    assert opened == ["/dev/null"] * 3


@ON_LINUX
@pytest.mark.parametrize("redirection", [">/dev/full", "2>/dev/full", ">/dev/full 2>&1"])
async def test_it_runs_with_full_streams(data_dir: Path, redirection: str) -> None:
    async with running(data_dir, redirection) as (process, port):
        assert await status_of(port) == 200
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


async def test_it_runs_when_the_reader_of_its_log_is_gone(data_dir: Path) -> None:
    async with running(data_dir, "") as (process, port):
        for pipe in (1, 2):
            transport = process._transport.get_pipe_transport(pipe)  # type: ignore[attr-defined] # asyncio shows it in no other way
            transport.close()
        for _ in range(3):
            assert await status_of(port) == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


@pytest.mark.parametrize("form", ["json", "text"])
async def test_a_log_that_nobody_reads_stops_nothing(data_dir: Path, form: str) -> None:
    async with running(data_dir, "", JUNJO_LOG_FORMAT=form) as (process, port):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            for number in range(1500):  # some 300 KB of log; a pipe holds 64
                async with client.get(f"/nowhere/{number}") as answer:
                    assert answer.status == 404
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert [number for number in range(1500) if f"/nowhere/{number}".encode() not in out] == []
    assert b"studio stopped" in out.splitlines()[-1]


async def test_it_ends_though_nobody_reads_its_log(data_dir: Path) -> None:
    reading, writing = os.pipe()
    ports = free_ports()
    process = await start_studio(data_dir, (), {name: str(port) for name, port in ports.items()}, writing)
    os.close(writing)
    try:
        await until_listening(process, port := ports["JUNJO_BACKEND_PORT"])
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            for number in range(1500):
                async with client.get(f"/nowhere/{number}") as answer:
                    assert answer.status == 404
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        os.close(reading)


@ON_LINUX
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
async def test_bad_settings_have_their_exit_code_whoever_hears_of_them(data_dir: Path, redirection: str) -> None:
    process = await started(data_dir, redirection, JUNJO_OTLP_PORT="x")
    out, err = await process.communicate()
    assert (process.returncode, out, err) == (2, b"", b"")


@ON_LINUX
@pytest.mark.parametrize("command", ["openapi", "check", "repair"])
async def test_a_command_fails_whose_output_is_lost(data_dir: Path, command: str) -> None:
    process = await started(data_dir, ">/dev/full", command)
    _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")
