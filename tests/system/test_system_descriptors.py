"""File descriptors run out for nobody: connections are fewer, and a lack of them passes."""

import asyncio
import json
import resource
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.studio_process import StudioProcess, announcement, environment

pytestmark = [
    pytest.mark.integration,
    pytest.mark.security,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a test change the limits of another process"),
]

_FEW = 1024
_MANY = 1100


@pytest.fixture
def room_for_clients() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * _MANY:
        pytest.skip("this process may not open as many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * _MANY), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def limited_studio(data_dir: Path, limit: str) -> AsyncIterator[StudioProcess]:
    """A studio that is started under a limit of file descriptors, as ``ulimit`` takes it."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'ulimit {limit} && exec "$@"', "sh", sys.executable, "-P", "-m", "studio"),
        env=environment(data_dir),
        cwd=data_dir.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield StudioProcess(process=process, started=await announcement(process))
    finally:
        process.kill()
        await process.wait()


def healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    finally:
        connection.close()


async def test_idle_connections_do_not_stop_the_ports(data_dir: Path, room_for_clients: None) -> None:
    async with limited_studio(data_dir, f"-n {_FEW}") as studio:
        system = psutil.Process(studio.process.pid)
        with ExitStack() as stack:
            for port in (studio.http_port, studio.otlp_port, studio.grpc_port):
                for _ in range(_MANY // 3 + 1):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            assert healthy(studio.http_port)
            assert system.num_fds() < _FEW
        assert healthy(studio.http_port)


async def test_the_soft_limit_is_raised(data_dir: Path) -> None:
    async with limited_studio(data_dir, "-Sn 256") as studio:
        soft, hard = resource.prlimit(studio.process.pid, resource.RLIMIT_NOFILE)
        assert soft == min(hard, 65_536)


async def test_a_lack_of_descriptors_passes_and_is_said_once_a_second(data_dir: Path) -> None:
    async with limited_studio(data_dir, f"-n {_FEW}") as studio:
        system = psutil.Process(studio.process.pid)
        soft, hard = resource.prlimit(studio.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(studio.process.pid, resource.RLIMIT_NOFILE, (system.num_fds(), hard))
        with socket.create_connection(("127.0.0.1", studio.http_port)) as waiting:
            waiting.settimeout(20)
            waiting.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await line_about(studio, "the first user needs a setup code")
            line = await line_about(studio, "no file descriptor is left")
            begun = sum(system.cpu_times()[:2])
            again = await line_about(studio, "no file descriptor is left")
            assert line["timestamp"] < again["timestamp"]
            assert sum(system.cpu_times()[:2]) - begun < 0.5  # of the second between the two
            resource.prlimit(studio.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
            assert b"pong" in waiting.recv(65_536)


async def line_about(studio: StudioProcess, event: str) -> dict[str, str]:
    """The next line of the log, which is about this."""
    assert studio.process.stdout is not None
    async with asyncio.timeout(20):
        line: dict[str, str] = json.loads(await studio.process.stdout.readline())
    assert line["event"].startswith(event), line
    return line
