"""What tests of the commands that ask a studio share: somebody who asks, from a pipe or a terminal, and spans."""

import asyncio
import os
import re
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import START, any_value, otlp_request, otlp_span
from tests.studio_process import start_studio

TRACE = f"{1:032x}"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-9]|4[0-9]|9[0-7])(?:;[0-9]+)*m")
# What a terminal would obey, or what would hide what stands beside it.
HOSTILE = "\x1b[2J\x1b]0;own\x07\r\n\x9b31m\u202e[red]:bomb: \u5546"


@attrs.frozen
class Asker:
    """Somebody who asks a studio from a command line."""

    studio: HttpStudio
    key: str
    folder: Path

    async def ask(self, *arguments: str, key: str | None = None, **variables: str) -> tuple[int | None, str, list[str]]:
        """Exit code, standard output, and the lines of standard error; standard output is a pipe."""
        arguments = (*arguments, "--endpoint", f"http://127.0.0.1:{self.studio.port}")
        process = await start_studio(self.folder, arguments, self.variables(key) | variables)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode().splitlines()

    async def in_terminal(self, *arguments: str, columns: int = 80, **variables: str) -> str:
        """What a terminal of so many columns gets."""
        ours, its = os.openpty()
        termios.tcsetwinsize(its, (24, columns))
        arguments = (*arguments, "--endpoint", f"http://127.0.0.1:{self.studio.port}")
        more = self.variables(None) | {"TERM": "xterm-256color"} | variables
        process = await start_studio(self.folder, arguments, more, output=its)
        os.close(its)
        read = asyncio.create_task(asyncio.to_thread(everything, ours))
        assert await process.wait() == 0
        return (await read).decode().replace("\r\n", "\n")

    def variables(self, key: str | None) -> dict[str, str]:
        return {"JUNJO_AI_STUDIO_API_KEY": self.key if key is None else key, "LANG": "C.UTF-8"}

    async def send(self, *spans: OtlpSpan) -> None:
        assert (await self.studio.send_spans(self.key, otlp_request(*spans).SerializeToString())).status == 200


def everything(terminal: int) -> bytes:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # the other side is closed
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts)
        parts.append(part)


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[Asker]:
    """Somebody who has a key of a running studio."""
    async with running_http_studio(folder, http_config()) as studio:
        yield Asker(studio, await studio.make_key(await studio.set_up(), "ingest", "read"), folder / "data")


def made(number: int, parent: int | None = None, name: str = "", milliseconds: int = 5, **attributes: Any) -> OtlpSpan:
    span = otlp_span(number, start=START + number * 1_000_000, **attributes)
    span.name = name or span.name
    span.end_time_unix_nano = span.start_time_unix_nano + milliseconds * 1_000_000
    if parent is not None:
        span.parent_span_id = parent.to_bytes(8, "big")
    return span


def call(number: int, parent: int, **others: Any) -> OtlpSpan:
    span = made(number, parent, name="chat gpt-4o", milliseconds=812, **others)
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cost": 0.00031,
    }
    for key, value in said.items():
        span.attributes.add(key=key, value=any_value(value))
    return span


def some_trace() -> list[OtlpSpan]:
    failed = made(4, 1, name="refund")
    failed.status.code = Status.STATUS_CODE_ERROR
    return [made(1, name="answer", milliseconds=2000), call(2, 1), made(3, 2, name="http"), failed]
