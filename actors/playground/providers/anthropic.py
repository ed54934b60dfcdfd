"""Anthropic through its own SDK."""

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Any

import anthropic
import httpx2
from anthropic.types import ModelInfo

from actors.playground import model_facts
from actors.playground.prompt import Completion, Prompt
from actors.playground.providers.anthropic_answer import StreamedAnswer, completion_of
from actors.playground.providers.anthropic_request import Thinking, generation_of, request_body
from actors.playground.providers.calls import Calls, Fault, read_with
from actors.playground.providers.http_client import Patience, open_client
from actors.playground.providers.provider import Chunk, Endpoint, Model

model_facts.load()  # this file is imported in a thread

_BASE_URL = "https://api.anthropic.com"
# The version of the API that has temperature and top_p; the next one, which the SDK is made for, refuses them.
_VERSION = "2023-06-01"
_PATH = "/v1/messages"
_PAGE = 1000  # the most that the vendor allows


class AnthropicProvider:
    """Messages, through the SDK's own ``post``, which answers JSON as it is and leaves ``temperature`` in the body."""

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._client = _open_sdk(endpoint, self._patience)
        self._calls = Calls(provider="anthropic", key=endpoint.key, fault_of=_fault_of)

    async def generate(self, prompt: Prompt) -> Completion:
        call = self._client.post(_PATH, body=request_body(prompt), cast_to=httpx2.Response)
        return await self._calls.one(call, read_with(completion_of), self._patience.answer)

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        call = partial(self._open_stream, request_body(prompt))
        return self._calls.each(call, StreamedAnswer(), self._patience.answer)

    async def models(self) -> tuple[Model, ...]:
        found = await self._calls.all_of(self._list(), self._patience.models)
        return tuple(_model(model) for model in found if str(model.type) == "model")

    async def close(self) -> None:
        await self._client.close()

    async def _open_stream(self, body: dict[str, Any]) -> anthropic.AsyncStream[object]:
        body = {**body, "stream": True}
        return await self._client.post(
            _PATH, body=body, cast_to=object, stream=True, stream_cls=anthropic.AsyncStream[object]
        )

    def _list(self) -> AsyncIterator[ModelInfo]:
        return aiter(self._client.models.list(limit=_PAGE, timeout=self._patience.models))


def _open_sdk(endpoint: Endpoint, patience: Patience) -> anthropic.AsyncAnthropic:
    """The SDK, told everything: what it is not told it takes from the environment."""
    client = anthropic.AsyncAnthropic(
        api_key=endpoint.key,
        webhook_key="",
        base_url=endpoint.base_url or _BASE_URL,
        timeout=patience.answer,
        max_retries=0,
        open_telemetry=False,  # every run becomes a trace already
        http_client=open_client(patience),
    )
    client.api_key = None  # which would go out as a bearer token; this version of the API has its own header
    headers = {"anthropic-version": _VERSION, "x-api-key": endpoint.key}
    client._custom_headers = headers  # noqa: SLF001 - there is no other way to be rid of ANTHROPIC_CUSTOM_HEADERS
    return client


def _model(model: ModelInfo) -> Model:
    """What the vendor says of the model; older answers say less."""
    able = model.capabilities
    return Model(
        id=model.id,
        display_name=model.display_name,
        supports_reasoning=(
            generation_of(model.id).thinking is not Thinking.NONE if able is None else able.thinking.supported
        ),
        supports_vision=None if able is None else able.image_input.supported,
        max_tokens=model.max_input_tokens or model_facts.context_window("anthropic", model.id),
    )


def _fault_of(error: Exception) -> Fault | None:
    match error:
        case anthropic.APIStatusError():
            retry_after = error.response.headers.get("retry-after")
            # In a stream that has begun, a failure comes with the status 200 of its start.
            status = None if error.response.is_success else error.status_code
            return Fault(message=error.api_message or error.type or "", status=status, retry_after=retry_after)
        case anthropic.APITimeoutError():
            return Fault(message="no answer in time")
        case anthropic.APIConnectionError():
            return Fault(message="the connection failed")
        case anthropic.APIError():
            return Fault(message=error.message)
        case anthropic.AnthropicError():
            return Fault(message=str(error))
        case _:
            return None
