"""Anthropic through its own SDK."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import anthropic
import httpx2

from actors.playground import model_facts
from actors.playground.counts import count
from actors.playground.prompt import Completion, Prompt
from actors.playground.providers.anthropic_answer import StreamedAnswer
from actors.playground.providers.anthropic_request import Thinking, generation_of, request_body
from actors.playground.providers.calls import Calls, Fault
from actors.playground.providers.http_client import Timeouts, open_client
from actors.playground.providers.provider import Chunk, Endpoint, Model
from actors.playground.providers.untrusted import member, truth, word
from actors.playground.well_formed import well_formed

model_facts.load()  # this file is imported in a thread

_BASE_URL = "https://api.anthropic.com"
# The version of the API that has temperature and top_p; the next one, which the SDK is made for, refuses them.
_VERSION = "2023-06-01"
_PATH = "/v1/messages"
_PAGE = 1000  # models, the most that the provider allows


class AnthropicProvider:
    """The Messages API, through the SDK's own ``post``: it returns raw JSON and leaves ``temperature`` in the body."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._client = _open_sdk(endpoint, self._timeouts)
        self._calls = Calls(provider="anthropic", key=endpoint.key, fault_of=_fault_of)

    async def generate(self, prompt: Prompt) -> Completion:
        call = self._client.post(_PATH, body=request_body(prompt), cast_to=httpx2.Response)
        return await self._calls.one(call, StreamedAnswer(prompt.model), self._timeouts.answer)

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        call = partial(self._open_stream, request_body(prompt))
        return self._calls.each(call, StreamedAnswer(prompt.model), self._timeouts.answer)

    async def models(self) -> tuple[Model, ...]:
        found = await self._calls.items(self._list, ("data", "models"), _page_after, self._timeouts.models)
        models = [item for item in found if word(member(item, "id")) and member(item, "type") in ("model", None)]
        return tuple(map(_model, models))

    async def close(self) -> None:
        await self._client.close()

    async def _open_stream(self, body: dict[str, Any]) -> httpx2.Response:
        """Open the stream of an answer; ``Calls`` reads its events."""
        body = {**body, "stream": True}
        stream = await self._client.post(
            _PATH, body=body, cast_to=object, stream=True, stream_cls=anthropic.AsyncStream[object]
        )
        return stream.response

    async def _list(self, page: str) -> httpx2.Response:
        query = {"limit": _PAGE, **({"after_id": page} if page else {})}
        return await self._client.get("/v1/models", cast_to=httpx2.Response, options={"params": query})


def _open_sdk(endpoint: Endpoint, timeouts: Timeouts) -> anthropic.AsyncAnthropic:
    """Make the SDK's client with every option set: options that are not set come from the environment."""
    client = anthropic.AsyncAnthropic(
        api_key=endpoint.key,
        webhook_key="",
        base_url=endpoint.base_url or _BASE_URL,
        timeout=timeouts.answer,
        max_retries=0,
        open_telemetry=False,  # every run becomes a trace already
        http_client=open_client(timeouts),
    )
    client.api_key = None  # it would be sent as a bearer token; this version of the API has its own header
    headers = {"anthropic-version": _VERSION, "x-api-key": endpoint.key}
    client._custom_headers = headers  # noqa: SLF001 - there is no other way to be rid of ANTHROPIC_CUSTOM_HEADERS
    return client


def _page_after(page: object) -> str:
    return word(member(page, "last_id")) if member(page, "has_more") is True else ""


def _model(item: object) -> Model:
    """A model of the provider's list; older servers give fewer members."""
    name = well_formed(word(member(item, "id")))
    reasons = truth(member(item, "capabilities", "thinking", "supported"))
    return Model(
        id=name,
        display_name=well_formed(word(member(item, "display_name"))) or name,
        supports_reasoning=generation_of(name).thinking is not Thinking.NONE if reasons is None else reasons,
        supports_vision=truth(member(item, "capabilities", "image_input", "supported")),
        max_tokens=count(member(item, "max_input_tokens")) or model_facts.context_window("anthropic", name),
    )


def _fault_of(error: Exception) -> Fault | None:
    match error:
        case anthropic.APIStatusError():
            return Fault.of_refusal(error.response)
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
