"""HTTP requests as Google's SDK writes them, to be sent without the SDK."""

import json
from collections.abc import Mapping
from typing import Any, Self, cast

import attrs
from google import genai
from google.genai import types
from google.genai.models import AsyncModels

from actors.errors import Refused
from actors.playground.providers.google_request import Request

_CANNOT = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
_WHOLE, _STREAMED = ":generateContent", ":streamGenerateContent?alt=sse"


@attrs.frozen(kw_only=True)
class HttpRequest:
    """A request that is ready to be sent. The headers hold the key."""

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes

    @classmethod
    def of(cls, sdk: genai.Client, method: str, path: str, body: dict[str, object]) -> Self:
        request = sdk._api_client._build_request(method, path, body)  # noqa: SLF001 - nothing public only writes
        content = json.dumps(request.data).encode() if request.data else b""
        return cls(method=method.upper(), url=request.url, headers=request.headers, body=content)


async def http_request_of(sdk: genai.Client, request: Request, *, streamed: bool) -> HttpRequest:
    """The request of the SDK's ``generate_content``. ``Refused`` when the SDK cannot write it."""
    recorder = _RequestRecorder(sdk._api_client)  # noqa: SLF001 - see above
    try:
        await _write(recorder, request)
    except _CANNOT as error:  # its schemas know less than JSON Schema does
        raise Refused("gemini does not support the json_schema, the tools or the messages of this request") from error
    path = recorder.path.removesuffix(_WHOLE) + _STREAMED if streamed else recorder.path
    return HttpRequest.of(sdk, "post", path, recorder.body)


async def _write(recorder: "_RequestRecorder", request: Request) -> None:
    config = {**request.config, "should_return_http_response": True, "automatic_continuation": False}
    await AsyncModels(cast("Any", recorder)).generate_content(
        model=request.model,
        contents=[types.Content.model_validate(content) for content in request.contents],
        config=cast("types.GenerateContentConfigDict", config),  # an object would be copied, deep and slow
    )


class _RequestRecorder:
    """Replaces the sending part of the SDK and records the request."""

    def __init__(self, sender: Any) -> None:  # noqa: ANN401 - the SDK's own class is not public
        self._sender = sender
        self.path = ""
        self.body: dict[str, object] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self._sender, name)

    async def async_request(self, _: str, path: str, body: dict[str, object], *__: object) -> types.HttpResponse:
        self.path, self.body = path, body
        return types.HttpResponse(body="")
