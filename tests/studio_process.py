"""The studio as a process of its own, for tests that signal, kill or restart it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).resolve().parent.parent
FREE_PORTS = {"JUNJO_BACKEND_PORT": "0", "JUNJO_OTLP_PORT": "0", "GRPC_PORT": "0"}
KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "TMPDIR")


@attrs.frozen(kw_only=True)
class StudioProcess:
    """A studio that has announced itself; the ports are its own choice."""

    process: Process
    started: Mapping[str, Any]  # the fields of its "studio started" line

    @property
    def http_port(self) -> int:
        return int(self.started["http_port"])

    @property
    def otlp_port(self) -> int:
        return int(self.started["otlp_port"])

    @property
    def grpc_port(self) -> int:
        return int(self.started["grpc_port"])


def environment(data_dir: Path) -> dict[str, str]:
    """A clean environment: what processes need, free ports and a data folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | FREE_PORTS | {"PYTHONPATH": str(ROOT), "JUNJO_DATA_DIR": str(data_dir)}


async def start_studio(
    data_dir: Path, arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None, output: int = PIPE
) -> Process:
    """Start the program in the data folder's parent, where no ``.env`` is; both outputs are pipes by default."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "studio",
        *arguments,
        env=environment(data_dir) | dict(variables or {}),
        cwd=data_dir.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=PIPE,
    )


async def announcement(process: Process) -> Mapping[str, Any]:
    """Wait for the line that says the studio has started."""
    assert process.stdout is not None
    async for line in process.stdout:
        record: Mapping[str, Any] = json.loads(line)
        if record["event"] == "studio started":
            return record
    assert process.stderr is not None
    raise AssertionError(f"the studio did not start: {(await process.stderr.read()).decode()}")


@asynccontextmanager
async def studio_process(data_dir: Path, **more: str) -> AsyncIterator[StudioProcess]:
    """A running studio, killed at the end of the block if it still lives."""
    process = await start_studio(data_dir, variables=more)
    try:
        yield StudioProcess(process=process, started=await announcement(process))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
