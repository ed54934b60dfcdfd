"""Check of every answer in the HTTP tests against the OpenAPI document."""

import json
import re
from functools import cache
from hashlib import sha256
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker

from transports.http.app import ROUTES
from transports.http.framework.openapi import openapi_document

_VALID: set[bytes] = set()  # digests of answers


@cache
def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(openapi_document(ROUTES, "0.1.0")))
    return made


def assert_documented(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Fails when the operation is in the document and does not know such an answer."""
    template = _template_of(path.partition("?")[0], method.lower())
    if template is None:
        return
    responses = document()["paths"][template][method.lower()]["responses"]
    response = responses.get(str(status), responses["default"])
    if "content" not in response:
        assert body == b"", f"{method} {template} {status} should have no body"
        return
    media = content_type.partition(";")[0]
    assert media in response["content"], f"{method} {template} {status} answered {media}"
    if media == "application/json":
        _assert_valid((template, method.lower(), str(status) if str(status) in responses else "default"), body)


def _assert_valid(answer: tuple[str, str, str], body: bytes) -> None:
    """Bodies that were found valid once are not looked at again: tests that wait for something get the same ones."""
    seen = sha256(repr(answer).encode() + body).digest()
    if seen not in _VALID:
        _validator(*answer).validate(json.loads(body))
        _VALID.add(seen)


@cache
def _validator(template: str, method: str, response: str) -> OAS31Validator:
    content = document()["paths"][template][method]["responses"][response]["content"]
    schema = {**content["application/json"]["schema"], "components": document()["components"]}
    return OAS31Validator(schema, format_checker=oas31_format_checker)


def _template_of(path: str, method: str) -> str | None:
    found = [template for template, pattern in _patterns(method).items() if pattern.fullmatch(path)]
    return min(found, key=lambda template: template.count("{"), default=None)


@cache
def _patterns(method: str) -> dict[str, re.Pattern[str]]:
    """What the paths of each template look like."""
    with_it = [template for template, operations in document()["paths"].items() if method in operations]
    return {template: re.compile(re.sub(r"\{\w+\}", "[^/]+", template)) for template in with_it}
