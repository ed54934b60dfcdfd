"""OpenAI, and servers that are compatible with it, through OpenAI's own SDK."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import httpx2
import openai

from actors.playground import model_facts
from actors.playground.prompt import Completion, Prompt
from actors.playground.providers.calls import Calls, Fault
from actors.playground.providers.http_client import Timeouts, open_client
from actors.playground.providers.openai_answer import StreamedAnswer
from actors.playground.providers.openai_request import family_of, request_body
from actors.playground.providers.provider import Chunk, Endpoint, Model
from actors.playground.providers.untrusted import member, word
from actors.playground.well_formed import well_formed

model_facts.load()  # this file is imported in a thread

_BASE_URL = "https://api.openai.com/v1"
_PATH = "/chat/completions"
_CHAT_PREFIXES = ("gpt-", "o1", "o3", "o4")  # of the provider's own list (contract, section 7)
_NOT_CHAT = ("whisper", "tts", "dall-e", "embedding", "moderation")  # of any other server's list


class OpenAIProvider:
    """Chat completions. A server without keys is sent none.

    They go through the SDK's own ``post``, which returns raw JSON: its typed method spends more time on a model of each
    event than all else takes together.
    """

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._own_server = endpoint.base_url is not None
        self._headers = {} if endpoint.key else {"Authorization": openai.omit}
        self._options = openai.RequestOptions(headers=self._headers, security={"bearer_auth": True})
        self._client = _open_sdk(endpoint, self._timeouts)
        self._calls = Calls(provider="openai", key=endpoint.key, fault_of=_fault_of)

    async def generate(self, prompt: Prompt) -> Completion:
        call = self._client.post(_PATH, body=request_body(prompt), cast_to=httpx2.Response, options=self._options)
        return await self._calls.one(call, StreamedAnswer(prompt.model), self._timeouts.answer)

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        call = partial(self._open_stream, request_body(prompt))
        return self._calls.each(call, StreamedAnswer(prompt.model), self._timeouts.answer)

    async def models(self) -> tuple[Model, ...]:
        found = await self._calls.items(self._list, ("data", "models"), lambda _: "", self._timeouts.models)
        names = [item if isinstance(item, str) else word(member(item, "id")) for item in found]
        return tuple(_model(well_formed(name)) for name in names if name and self._can_chat(name))

    async def close(self) -> None:
        await self._client.close()

    async def _open_stream(self, body: dict[str, Any]) -> httpx2.Response:
        """Open the stream of an answer; ``Calls`` reads its events."""
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        stream = await self._client.post(
            _PATH, body=body, cast_to=object, options=self._options, stream=True, stream_cls=openai.AsyncStream[object]
        )
        return stream.response

    async def _list(self, _: str) -> httpx2.Response:
        return await self._client.get("/models", cast_to=httpx2.Response, options=self._options)

    def _can_chat(self, name: str) -> bool:
        if self._own_server:
            return not any(kind in name.lower() for kind in _NOT_CHAT)
        return name.startswith(_CHAT_PREFIXES)


def _open_sdk(endpoint: Endpoint, timeouts: Timeouts) -> openai.AsyncOpenAI:
    """Make the SDK's client with every option set: options that are not set come from the environment."""
    client = openai.AsyncOpenAI(
        api_key=endpoint.key,
        admin_api_key="",
        base_url=endpoint.base_url or _BASE_URL,
        timeout=timeouts.answer,
        max_retries=0,
        http_client=open_client(timeouts),
        _enforce_credentials=False,
    )
    client.organization = client.project = client.webhook_secret = None
    client._custom_headers = {}  # noqa: SLF001 - there is no other way to be rid of OPENAI_CUSTOM_HEADERS
    return client


def _model(name: str) -> Model:
    family = family_of(name)
    return Model(
        id=name,
        display_name=name,
        supports_reasoning=None if family is None else family.reasons,
        max_tokens=model_facts.context_window("openai", name),
    )


def _fault_of(error: Exception) -> Fault | None:
    match error:
        case openai.APIStatusError():
            return Fault.of_refusal(error.response)
        case openai.APITimeoutError():
            return Fault(message="no answer in time")
        case openai.APIConnectionError():
            return Fault(message="the connection failed")
        case openai.APIError():
            return Fault(message=error.message)
        case openai.OpenAIError():
            return Fault(message=str(error))
        case _:
            return None
