"""Google's Gemini through Google's own SDK, google-genai."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from urllib.parse import urlencode

import httpx2
from google import genai
from google.genai import types

from actors.playground import model_facts
from actors.playground.counts import count
from actors.playground.prompt import Completion, Prompt
from actors.playground.providers.calls import Calls, Fault
from actors.playground.providers.google_answer import StreamedAnswer
from actors.playground.providers.google_http import HttpRequest, http_request_of
from actors.playground.providers.google_request import family_of, request_of
from actors.playground.providers.http_client import Timeouts, open_client
from actors.playground.providers.http_session import tls_context
from actors.playground.providers.provider import Chunk, Endpoint, Model
from actors.playground.providers.untrusted import member, truth, word
from actors.playground.well_formed import well_formed

model_facts.load()  # this file is imported in a thread

_BASE_URL = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
_PAGE = 1000  # models, the most that the provider allows


class GoogleProvider:
    """generateContent of the Gemini API (not of Vertex AI).

    Google's SDK writes the requests. They are sent, and the answers read, as those of the other providers: the SDK puts
    every answer into a model of its own, which refuses all of it for one unexpected member.
    """

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts | None = None) -> None:
        self._timeouts = timeouts or Timeouts()
        self._http = open_client(self._timeouts)
        self._sdk = _open_sdk(endpoint, self._timeouts)
        self._calls = Calls(provider="gemini", key=endpoint.key, fault_of=_fault_of)

    async def generate(self, prompt: Prompt) -> Completion:
        call = self._open(await http_request_of(self._sdk, request_of(prompt), streamed=False))
        return await self._calls.one(call, StreamedAnswer(prompt.model), self._timeouts.answer)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        call = partial(self._open, await http_request_of(self._sdk, request_of(prompt), streamed=True), streamed=True)
        async with aclosing(self._calls.each(call, StreamedAnswer(prompt.model), self._timeouts.answer)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def models(self) -> tuple[Model, ...]:
        found = await self._calls.items(self._list, ("models", "data"), _page_after, self._timeouts.models)
        return tuple(_model(item) for item in found if _can_chat(item))

    async def close(self) -> None:
        await self._http.aclose()
        self._sdk.close()

    async def _open(self, request: HttpRequest, *, streamed: bool = False) -> httpx2.Response:
        """Send a request; a streamed answer is returned unread. Raises ``_Refusal``."""
        sent = self._http.build_request(request.method, request.url, headers=request.headers, content=request.body)
        response = await self._http.send(sent, stream=True)
        try:
            if not streamed or response.status_code != httpx2.codes.OK:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        if response.status_code != httpx2.codes.OK:
            raise _Refusal(response)
        return response

    async def _list(self, page: str) -> httpx2.Response:
        query = {"pageSize": _PAGE, **({"pageToken": page} if page else {})}
        return await self._open(HttpRequest.of(self._sdk, "get", f"models?{urlencode(query)}", {}))


class _Refusal(Exception):
    """An answer of another status than 200."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.status_code)
        self.fault = Fault.of_refusal(response)


def _open_sdk(endpoint: Endpoint, timeouts: Timeouts) -> genai.Client:
    """Make the SDK's client with every option set: options that are not set come from the environment."""
    base_url, version = _address(endpoint.base_url)
    options = types.HttpOptions(
        base_url=base_url,
        api_version=version,
        timeout=_milliseconds(timeouts.answer),
        client_args={"verify": tls_context(), "trust_env": False},  # of a client that is made but not used
        # Without options the SDK retries by itself after up to ten seconds.
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


def _page_after(page: object) -> str:
    return word(member(page, "nextPageToken"))


def _can_chat(item: object) -> bool:
    able = member(item, "supportedGenerationMethods")
    return _name(item).startswith("gemini-") and isinstance(able, list) and "generateContent" in able


def _name(item: object) -> str:
    return well_formed(word(member(item, "name"))).removeprefix("models/")


def _model(item: object) -> Model:
    name = _name(item)
    reasons = truth(member(item, "thinking"))
    return Model(
        id=name,
        display_name=well_formed(word(member(item, "displayName"))) or name,
        supports_reasoning=family_of(name).reasons if reasons is None else reasons,
        max_tokens=count(member(item, "inputTokenLimit")) or model_facts.context_window("gemini", name),
    )


def _fault_of(error: Exception) -> Fault | None:
    return error.fault if isinstance(error, _Refusal) else None
