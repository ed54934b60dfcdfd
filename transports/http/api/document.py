"""Route of the OpenAPI document."""

import orjson

from transports.http.framework.app_keys import DOCUMENT
from transports.http.framework.route import Answer, Call, Route


async def openapi(call: Call[None, None]) -> Answer:
    text: bytes = call.request.app[DOCUMENT]
    return Answer(body=orjson.Fragment(text))


ROUTES = (
    Route(
        method="GET",
        path="/openapi.json",
        handler=openapi,
        answers=dict,
        listed=False,
        tag="service",
        summary="Describe all routes",
    ),
)
