#!/usr/bin/env python3
"""How much does the playground add to a call of a provider's SDK?

A local server speaks OpenAI's wire without delays, in a process of its own; the studio runs in another one, and all its
runs are stored as traces. Plain calls go to ``/llm/generate``, streamed ones over ``/llm/stream``; the same calls are
made with the provider's SDK directly. Both sides take turns, so that a noisy machine disturbs them alike.
Run from the repository: ``uv run python scripts/bench_playground.py``.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path
from secrets import token_hex
from typing import Any

import aiohttp
import attrs
import orjson
from aiohttp import web
from openai import AsyncOpenAI

from studio.app import running
from studio.logs import configure_logging
from studio.settings import load_settings

HOST = "127.0.0.1"
DELTAS = 20
MODEL = "gpt-4o"
MESSAGES = [{"role": "user", "content": "How far is the moon? " * 20}]
WARM_UP = 0.3  # share of a run
USER = {"email": "bench@example.com", "password": "correct horse battery"}

_HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": MODEL}
_USAGE = {"prompt_tokens": 100, "completion_tokens": DELTAS, "total_tokens": 100 + DELTAS}
_PLAIN = orjson.dumps(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * DELTAS}, "finish_reason": "stop"}
        ],
        "usage": _USAGE,
    }
)


def _event(choices: list[dict[str, Any]], **more: Any) -> bytes:  # noqa: ANN401 - members of an event
    return b"data: %s\n\n" % orjson.dumps({**_HEAD, "object": "chat.completion.chunk", "choices": choices, **more})


_EVENTS = [
    *(_event([{"index": 0, "delta": {"role": "assistant", "content": "word "}}]) for _ in range(DELTAS)),
    _event([{"index": 0, "delta": {}, "finish_reason": "stop"}]),
    _event([], usage=_USAGE),
    b"data: [DONE]\n\n",
]


async def complete(request: web.Request) -> web.StreamResponse:
    """Answer chat completions, at once."""
    if not orjson.loads(await request.read()).get("stream"):
        return web.Response(body=_PLAIN, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in _EVENTS:
        await response.write(event)
    return response


async def provider(pipe: Connection) -> None:
    """The provider's process."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await runner.cleanup()


async def studio(pipe: Connection, provider_url: str) -> None:
    """The studio's process: all of it, on free ports and with a folder of its own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = {
            "JUNJO_DATA_DIR": str(folder / "data"),
            "JUNJO_BACKEND_PORT": "0",
            "JUNJO_OTLP_PORT": "0",
            "GRPC_PORT": "0",
            "JUNJO_LOG_LEVEL": "error",
            "OPENAI_BASE_URL": provider_url,
        }
        settings = load_settings(environ, folder)
        configure_logging(settings)
        pipe.send((await stack.enter_async_context(running(settings))).http_port)
        await asyncio.to_thread(pipe.recv)


def run_process(serve: Callable[..., Coroutine[Any, Any, None]], pipe: Connection, *arguments: str) -> None:
    asyncio.run(serve(pipe, *arguments))


Sample = Callable[[], Awaitable[float]]  # one call; seconds to its first delta, or to its end


@attrs.frozen
class Sides:
    """The same two calls, made directly and through the studio."""

    sdk: AsyncOpenAI
    http: aiohttp.ClientSession
    url: str

    async def sdk_plain(self) -> float:
        begun = time.perf_counter()
        await self.sdk.chat.completions.create(model=MODEL, messages=MESSAGES)  # type: ignore[arg-type]  # plain dicts
        return time.perf_counter() - begun

    async def studio_plain(self) -> float:
        begun = time.perf_counter()
        body = {"model": f"openai/{MODEL}", "messages": MESSAGES}
        async with self.http.post(f"{self.url}/llm/generate", json=body) as answer:
            text = await answer.text()
            if answer.status != HTTPStatus.OK:
                raise SystemExit(f"a call failed: {text}")
        return time.perf_counter() - begun

    async def sdk_streamed(self) -> float:
        begun, first = time.perf_counter(), 0.0
        events = await self.sdk.chat.completions.create(  # type: ignore[call-overload]  # plain dicts
            model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        async for event in events:
            if not first and event.choices and event.choices[0].delta.content:
                first = time.perf_counter() - begun
        return first

    async def studio_streamed(self, sockets: "list[Socket]") -> float:
        socket = sockets.pop()
        try:
            return await socket.run()
        finally:
            sockets.append(socket)


class Socket:
    """One WebSocket, with one run at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self._socket = socket
        self._name = name
        self._runs = 0

    async def run(self) -> float:
        """Run a prompt to its end; returns the seconds to the first delta."""
        self._runs += 1
        request = {"model": f"openai/{MODEL}", "messages": MESSAGES}
        begun, first = time.perf_counter(), 0.0
        await self._socket.send_json({"type": "run", "run_id": f"{self._name}-{self._runs}", "request": request})
        while True:
            frame = orjson.loads(await self._socket.receive_str())
            if frame["type"] == "delta" and not first:
                first = time.perf_counter() - begun
            if frame["type"] == "finished":
                return first
            if frame["type"] == "failed":
                raise SystemExit(f"a run failed: {frame}")


async def open_socket(stack: AsyncExitStack, http: aiohttp.ClientSession, url: str) -> Socket:
    """Open a socket for each part: aiohttp answers pings only while it reads, so an idle one is taken for dead."""
    opened = await stack.enter_async_context(http.ws_connect(f"{url}/llm/stream", headers={"Origin": url}))
    return Socket(opened, token_hex(4))


@attrs.frozen
class Rate:
    """Result of one run of the benchmark."""

    calls: float  # in a second
    first: float  # seconds to the first delta, or to the end of a plain answer, p50


async def rate(call: Sample, concurrency: int, seconds: float) -> Rate:
    """Call for ``seconds``, after a shorter warm-up."""

    async def until(end: float) -> list[float]:
        samples = []
        while time.perf_counter() < end:
            samples.append(await call())
        return samples

    for length in (seconds * WARM_UP, seconds):
        begin = time.perf_counter()
        samples = list(chain(*await asyncio.gather(*(until(begin + length) for _ in range(concurrency)))))
    return Rate(len(samples) / (time.perf_counter() - begin), statistics.median(samples))


async def compare(provider_url: str, studio_port: int, options: argparse.Namespace) -> None:
    """Print both sides, plain and streamed, at each concurrency."""
    url = f"http://{HOST}:{studio_port}"
    async with (
        AsyncOpenAI(api_key="none", base_url=provider_url, max_retries=0) as sdk,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        AsyncExitStack() as stack,
    ):
        async with http.post(f"{url}/users/create-first-user", json=USER) as answer:
            answer.raise_for_status()
        sides = Sides(sdk, http, url)
        sockets: list[Socket] = []
        kinds: dict[str, dict[str, Sample]] = {
            "plain": {"studio": sides.studio_plain, "SDK": sides.sdk_plain},
            "streamed": {"studio": partial(sides.studio_streamed, sockets), "SDK": sides.sdk_streamed},
        }
        for kind, calls in kinds.items():
            for concurrency in (1, 32):
                sockets[:] = [await open_socket(stack, http, url) for _ in range(concurrency)]
                rates: dict[str, list[Rate]] = {name: [] for name in calls}
                for turn in range(options.runs):
                    for name in sorted(calls, reverse=turn % 2 == 1):
                        rates[name].append(await rate(calls[name], concurrency, options.seconds))
                report(kind, concurrency, rates)


def report(kind: str, concurrency: int, rates: dict[str, list[Rate]]) -> None:
    """A line for each side, the ratio of the medians, and what the studio adds."""
    where = f"{kind:8} concurrency {concurrency:2}"
    medians, firsts = [], []
    for name, runs in rates.items():
        calls = [run.calls for run in runs]
        medians.append(statistics.median(calls))
        firsts.append(statistics.median(run.first for run in runs))
        what = "to the first delta" if kind == "streamed" else "to the answer"
        print(
            f"{where}  {name:6} {medians[-1]:6,.0f} calls/s (min {min(calls):,.0f}, max {max(calls):,.0f})  "
            f"{firsts[-1] * 1000:6.2f} ms {what}"
        )
    print(f"{where}  ratio  {medians[0] / medians[1]:6.0%}, added {(firsts[0] - firsts[1]) * 1000:.2f} ms")


def main() -> None:
    """Start the servers, measure, and end them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    provider_here, provider_there = context.Pipe()
    provider_process = context.Process(target=run_process, args=(provider, provider_there), daemon=True)
    provider_process.start()
    provider_url = f"http://{HOST}:{provider_here.recv()}/v1"
    studio_here, studio_there = context.Pipe()
    studio_process = context.Process(target=run_process, args=(studio, studio_there, provider_url), daemon=True)
    studio_process.start()
    asyncio.run(compare(provider_url, studio_here.recv(), options))
    for pipe, process in ((studio_here, studio_process), (provider_here, provider_process)):
        pipe.send("end")
        process.join()


if __name__ == "__main__":
    main()
