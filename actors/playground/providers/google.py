"""Google's Gemini through Google's own SDK, google-genai."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Self, cast

import aiohttp
from google import genai
from google.genai import errors, types

from actors.playground import model_facts
from actors.playground.prompt import Completion, Prompt
from actors.playground.providers.calls import Calls, Fault
from actors.playground.providers.google_answer import StreamedAnswer, completion_of
from actors.playground.providers.google_http import REQUEST_ARGUMENTS, open_noting_session, responses_noted_in
from actors.playground.providers.google_request import Request, family_of, request_of
from actors.playground.providers.http_client import Patience
from actors.playground.providers.http_session import tls_context
from actors.playground.providers.provider import Chunk, Endpoint, Model

model_facts.load()  # this file is imported in a thread

_BASE_URL = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
_PAGE = 1000  # the most that the vendor allows


class GoogleProvider:
    """generateContent of the Gemini API (not of Vertex AI)."""

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._http = open_noting_session(self._patience.connect)
        self._sdk = _open_sdk(endpoint, self._patience, self._http)
        self._calls = Calls(provider="gemini", key=endpoint.key, fault_of=_fault_of)

    async def generate(self, prompt: Prompt) -> Completion:
        request = request_of(prompt)
        call = self._sdk.aio.models.generate_content(
            model=request.model, contents=_contents(request), config=_config(request)
        )
        return await self._calls.one(call, partial(completion_of, model=prompt.model), self._patience.answer)

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        call = partial(self._open_stream, request_of(prompt))
        return self._calls.each(call, StreamedAnswer(prompt.model), self._patience.answer)

    async def models(self) -> tuple[Model, ...]:
        found = await self._calls.all_of(self._list(), self._patience.models)
        return tuple(_model(model) for model in found if _can_chat(model))

    async def close(self) -> None:
        await self._http.close()
        self._sdk.close()

    async def _open_stream(self, request: Request) -> "_Stream":
        return _Stream(
            await self._sdk.aio.models.generate_content_stream(
                model=request.model, contents=_contents(request), config=_config(request)
            )
        )

    async def _list(self) -> AsyncIterator[types.Model]:
        options = types.HttpOptions(timeout=_milliseconds(self._patience.models))
        config = types.ListModelsConfig(page_size=_PAGE, http_options=options)
        async for model in await self._sdk.aio.models.list(config=config):
            yield model


class _Stream:
    """The partial answers. Closing the SDK's own generator would leave the connection to the garbage collector."""

    def __init__(self, events: AsyncIterator[types.GenerateContentResponse]) -> None:
        self._events = events
        self._responses: list[aiohttp.ClientResponse] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for response in self._responses:
            response.close()

    def __aiter__(self) -> AsyncIterator[types.GenerateContentResponse]:
        return self

    async def __anext__(self) -> types.GenerateContentResponse:
        with responses_noted_in(self._responses):
            return await anext(self._events)


def _open_sdk(endpoint: Endpoint, patience: Patience, http: aiohttp.ClientSession) -> genai.Client:
    """The SDK, told everything: what it is not told it takes from the environment."""
    base_url, version = _address(endpoint.base_url)
    options = types.HttpOptions(
        base_url=base_url,
        api_version=version,
        timeout=_milliseconds(patience.answer),
        aiohttp_client=http,
        async_client_args=REQUEST_ARGUMENTS,
        client_args={"verify": tls_context(), "trust_env": False},  # of a client that is made but not used
        # Not none at all, with which the SDK tries again by itself after a wait of up to ten seconds.
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    debug = genai.client.DebugConfig(client_mode="", replays_directory="", replay_id="")
    return genai.Client(vertexai=False, api_key=endpoint.key, http_options=options, debug_config=debug)


def _address(base_url: str | None) -> tuple[str, str]:
    """The server and the version of the API, which a base URL may end with."""
    if base_url is None:
        return _BASE_URL, _VERSION
    found = re.fullmatch(r"(.+?)/(v\d\w*)/?", base_url)
    return (base_url, _VERSION) if found is None else (found[1], found[2])


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _contents(request: Request) -> types.ContentListUnion:
    return [types.Content.model_validate(content) for content in request.contents]


def _config(request: Request) -> types.GenerateContentConfigDict:
    return cast("types.GenerateContentConfigDict", request.config)  # an object would be copied, deep and slow


def _can_chat(model: types.Model) -> bool:
    return _name(model).startswith("gemini-") and "generateContent" in (model.supported_actions or ())


def _name(model: types.Model) -> str:
    return (model.name or "").removeprefix("models/")


def _model(model: types.Model) -> Model:
    name = _name(model)
    return Model(
        id=name,
        display_name=model.display_name or name,
        supports_reasoning=family_of(name).reasons if model.thinking is None else model.thinking,
        max_tokens=model.input_token_limit or model_facts.context_window("gemini", name),
    )


def _fault_of(error: Exception) -> Fault | None:
    match error:
        case aiohttp.ClientError():
            return Fault(message="the connection failed")
        case errors.APIError():
            headers = getattr(error.response, "headers", None) or {}
            return Fault(message=error.message or "", status=error.code, retry_after=headers.get("retry-after"))
        case _:
            return None
