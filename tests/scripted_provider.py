"""An LLM provider that answers by a test's script, one chunk at a time, and reports when it was released."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from actors.errors import ProviderFailed, StudioError
from actors.playground.prompt import Completion, Prompt, Usage
from actors.playground.providers.provider import Chunk, Endpoint, Model, TextDelta

USAGE = Usage(prompt_tokens=10, completion_tokens=5, cache_read_tokens=4, reasoning_tokens=2)


def completion(text: str = "hello", **changes: Any) -> Completion:
    values: dict[str, Any] = {
        "id": "chatcmpl-1",
        "created": 1_700_000_000,
        "model": "gpt-4o",
        "content": text,
        "finish_reason": "stop",
        "usage": USAGE,
    }
    return Completion(**(values | changes))


class ScriptedProvider:
    """One provider. ``say`` puts a chunk (or an error) into the stream; a completion ends it."""

    def __init__(self) -> None:
        self.script: asyncio.Queue[Chunk | Exception] = asyncio.Queue()
        self.prompts: list[Prompt] = []
        self.endpoints: list[Endpoint] = []
        self.lists: list[tuple[Model, ...] | StudioError | asyncio.Future[tuple[Model, ...]]] = []
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()  # a stream was closed or cancelled
        self.read = 0  # chunks taken from the script
        self.closed = 0

    def open(self, endpoint: Endpoint) -> "ScriptedProvider":
        self.endpoints.append(endpoint)
        return self

    def say(self, *chunks: Chunk | Exception | str) -> None:
        for chunk in chunks:
            self.script.put_nowait(TextDelta(text=chunk) if isinstance(chunk, str) else chunk)

    async def generate(self, prompt: Prompt) -> Completion:
        async for chunk in self.stream(prompt):
            if isinstance(chunk, Completion):
                return chunk
        raise ProviderFailed("openai: nothing came")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(prompt)
        self.asked.set()
        try:
            while True:
                chunk = await self.script.get()
                self.read += 1
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
                if isinstance(chunk, Completion):
                    return
        finally:
            self.let_go.set()

    async def models(self) -> tuple[Model, ...]:
        answer = self.lists.pop(0)
        self.asked.set()
        if isinstance(answer, asyncio.Future):
            return await answer
        if isinstance(answer, StudioError):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed += 1
