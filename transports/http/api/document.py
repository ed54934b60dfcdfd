"""Route of the OpenAPI document."""

import orjson

from transports.http.framework.app_keys import DOCUMENT
from transports.http.framework.route import Answer, Call, Route


async def openapi(call: Call[None, None]) -> Answer:
    return Answer(body=orjson.Fragment(call.request.app[DOCUMENT]()))


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
