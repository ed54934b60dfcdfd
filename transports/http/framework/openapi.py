"""The OpenAPI 3.1 document, generated from the route table and its attrs classes, so that it cannot drift."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import attrs

from actors.errors import Forbidden, InvalidRequest, Misdirected, StudioError
from transports.api_key import HEADER
from transports.errors import ERRORS
from transports.http.config import APP_NAME
from transports.http.framework.access import refusals
from transports.http.framework.json_schema import Schema, Schemas
from transports.http.framework.route import Access, Parameter, Route, described, wire_name
from transports.http.framework.session_cookie import NAME
from transports.http.wire.otlp_answers import JSON, PROTOBUF

_SCHEMES = {
    "session": {"type": "apiKey", "in": "cookie", "name": NAME, "description": "Set by sign-in"},
    "apiKey": {"type": "apiKey", "in": "header", "name": HEADER, "description": "API key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "API key"},
}


@attrs.frozen(kw_only=True)
class ErrorAnswer:
    """An error and its reason."""

    detail: str = attrs.field(metadata=described("The reason", "Unauthorized: No valid session"))


@attrs.frozen(kw_only=True)
class ValidationItem:
    """One fault in a request."""

    type: str = attrs.field(metadata=described("Kind of fault", "string_too_short"))
    loc: list[str | int] = attrs.field(metadata=described("Where it is", ["body", "password"]))
    msg: str = attrs.field(metadata=described("What is wrong", "Password must be at least 8 characters"))
    input: Any = attrs.field(metadata=described("What was sent; passwords are masked", "***"))
    ctx: dict[str, Any] = attrs.field(factory=dict, metadata=described("Figures of the message", {"min_length": 8}))


@attrs.frozen(kw_only=True)
class ValidationAnswer:
    """All faults of a request, in the order of its fields."""

    detail: list[ValidationItem] = attrs.field(
        metadata=described("The faults", [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    )


def openapi_document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Generate the document; the same routes give the same document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.listed:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": APP_NAME, "version": version, "description": "LLM observability: spans in, traces out."},
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route, schemas)],
        "responses": _responses(route, schemas),
        "security": _security(route.access),
    }
    if route.body:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.of(route.body)}}}
    elif route.content_type == PROTOBUF:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content = {PROTOBUF: binary, JSON: {"schema": {"type": "object"}}}
        operation["requestBody"] = {"required": True, "content": content}  # of any length, but of one of these types
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": parameter.description,
            "schema": {"type": "string", **_limits(parameter), "examples": [parameter.example]},
        }
        for name, parameter in route.path_parameters.items()
    ]


def _limits(parameter: Parameter) -> dict[str, Any]:
    return parameter.rule.schema() if parameter.rule else {}


def _query_parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    fields = attrs.fields(attrs.resolve_types(route.query, include_extras=True))
    return [_query_parameter(schemas.field(field), field) for field in fields]


def _query_parameter(schema: Schema, field: "attrs.Attribute[Any]") -> dict[str, Any]:
    """Describe a query parameter. An optional one needs no null: a query cannot hold one."""
    if "anyOf" in schema:
        alternatives = schema.pop("anyOf")
        schema = alternatives[0] | schema
        del schema["default"]
    parameter = {"name": wire_name(field.name), "in": "query", "required": field.default is attrs.NOTHING}
    return parameter | {"description": schema.pop("description"), "schema": schema}


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {str(route.status): {"description": HTTPStatus(route.status).phrase}}
    answers = {} if route.answers is None else _success(route, schemas)
    if content := answers | {media: {"schema": _file(media)} for media in route.downloads}:
        responses[str(route.status)]["content"] = content
    if route.also_status is not None:
        also = HTTPStatus(route.also_status)
        responses[str(also.value)] = responses[str(route.status)] | {"description": also.phrase}
    if route.leads_on:
        responses[str(HTTPStatus.SEE_OTHER.value)] = {"description": HTTPStatus.SEE_OTHER.phrase}
    if route.has_etag:
        responses[str(HTTPStatus.NOT_MODIFIED.value)] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    for kind in (*refusals(route.access), *_misunderstandings(route), *_for_foreign_pages(route), *route.errors):
        status = _status(route, kind)
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": _error(route, kind, schemas)}
    if route.conflict is not None:
        content = {JSON: {"schema": schemas.of(route.conflict)}}
        responses[str(HTTPStatus.CONFLICT.value)] = {"description": HTTPStatus.CONFLICT.phrase, "content": content}
    responses["default"] = {"description": "Any other error", "content": _error(route, StudioError, schemas)}
    return responses


def _file(media: str) -> Schema:
    """The schema of a file; one in JSON may be any value."""
    return {} if media == JSON else {"type": "string", "format": "binary"}


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {route.content_type: {"schema": schemas.of(route.answers)}}
    return content | {JSON: {"schema": {"type": "object"}}} if route.content_type == PROTOBUF else content


def _misunderstandings(route: Route) -> tuple[type[StudioError], ...]:
    return (InvalidRequest,) if route.body or route.query or route.only_known else ()


def _for_foreign_pages(route: Route) -> tuple[type[StudioError], ...]:
    """Errors of the cross-site check, for a page of another origin or host name: see ``cross_site``."""
    return (Misdirected,) if route.method == "GET" else (Misdirected, Forbidden)


def _status(route: Route, kind: type[StudioError]) -> int:
    wire = ERRORS[kind]
    return wire.otlp or wire.http if route.content_type == PROTOBUF else wire.http


def _error(route: Route, kind: type[StudioError], schemas: Schemas) -> dict[str, Any]:
    if route.content_type == PROTOBUF:  # google.rpc.Status
        return {PROTOBUF: {"schema": {"type": "string", "format": "binary"}}, JSON: {"schema": {"type": "object"}}}
    return {JSON: {"schema": schemas.of(ValidationAnswer if kind is InvalidRequest else ErrorAnswer)}}


def _security(access: Access) -> list[dict[str, list[str]]]:
    """The alternative security schemes of a route."""
    ways = [*(["session"] if access.role else []), *(["apiKey", "bearer"] if access.scopes else [])]
    return [{way: []} for way in ways]
