import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from tests.documented_answers import document
from tests.http_studio import HttpStudio
from transports.http.app import ROUTES

pytestmark = pytest.mark.unit

# Clients look these up (contract, "OpenAPI").
_PROMISED = {
    "list_users_users_get",
    "list_api_keys_api_keys_get",
    "create_first_user_users_create_first_user_post",
    "sign_in_sign_in_post",
    "sign_out_sign_out_post",
    "create_user_users_post",
    "delete_user_users__user_id__delete",
    "create_api_key_api_keys_post",
    "delete_api_key_api_keys__id__delete",
    "refresh_provider_models_llm_providers__provider__models_refresh_post",
    "list_services_api_v1_observability_services_get",
    "get_service_spans_api_v1_observability_services__service_name__spans_get",
    "get_root_spans_api_v1_observability_services__service_name__spans_root_get",
    "get_workflow_spans_api_v1_observability_services__service_name__workflows_get",
    "get_trace_spans_api_v1_observability_traces__trace_id__spans_get",
    "get_span_api_v1_observability_traces__trace_id__spans__span_id__get",
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")  # as JavaScript's toISOString writes one


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, methods in document()["paths"].items() for method, op in methods.items()]


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    validate(document())


def test_the_document_and_the_routes_agree() -> None:
    listed = {(route.path, route.method.lower()) for route in ROUTES if route.listed}
    assert {(path, method) for path, method, _ in operations()} == listed
    unlisted = {route.path for route in ROUTES if not route.listed}
    # The second describes itself, and the console is pages for people (decision 0054).
    leading = {f"/{room}/{{service}}/{{trace_id}}/{{span_id}}" for room in ("agents", "traces", "workflows")}
    console = {"/console", "/console/-/{file}", "/console/{page}"} | leading
    assert unlisted == {"/openapi.json", "/mcp"} | console


def test_operation_ids_are_unique_and_the_promised_ones_are_there() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= _PROMISED


def test_path_parameters_are_strings_of_the_operation() -> None:
    for path, _, operation in operations():
        described = [p for p in operation["parameters"] if p["in"] == "path"]
        assert [p["name"] for p in described] == re.findall(r"\{(\w+)\}", path)
        assert all(p["schema"]["type"] == "string" and p["required"] for p in described)


def test_every_property_and_parameter_has_a_description_and_an_example() -> None:
    schemas = document()["components"]["schemas"]
    properties = [p for schema in schemas.values() for p in schema["properties"].values()]
    parameters = [p for _, _, operation in operations() for p in operation["parameters"]]
    assert all(item["description"] for item in properties + parameters)
    assert all(item["examples"] for item in [*properties, *(parameter["schema"] for parameter in parameters)])


def everything_in(value: Any) -> Iterator[Any]:
    """The value and all that it holds."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from everything_in(each)


def schemas_in(value: Any) -> list[dict[str, Any]]:
    return [each for each in everything_in(value) if isinstance(each, dict) and isinstance(each.get("examples"), list)]


def test_no_example_is_singular() -> None:
    """The mock generator of the existing front end takes it and no other."""
    assert not [each for each in everything_in(document()) if isinstance(each, dict) and "example" in each]


def test_examples_of_dates_are_as_javascript_writes_them() -> None:
    dates = [each for each in schemas_in(document()) if "date-time" in str(each.get("format", each.get("anyOf")))]
    assert len(dates) >= 9
    assert all(_MOMENT.fullmatch(example) for each in dates for example in each["examples"])


def test_no_array_in_an_example_is_empty() -> None:
    examples = [each["examples"] for each in schemas_in(document())]
    assert len(examples) > 100
    assert not [each for each in everything_in(examples) if each == []]


def test_examples_are_what_their_schemas_describe() -> None:
    components = document()["components"]
    for schema in schemas_in(document()):
        validator = OAS31Validator({**schema, "components": components}, format_checker=oas31_format_checker)
        for example in schema["examples"]:
            validator.validate(example)


def test_dates_and_emails_have_their_formats() -> None:
    schemas = document()["components"]["schemas"]
    user = schemas["UserAnswer"]["properties"]
    assert (user["created_at"]["format"], user["updated_at"]["format"]) == ("date-time", "date-time")
    assert (user["email"]["format"], schemas["NewUser"]["properties"]["email"]["format"]) == ("email", "email")
    assert schemas["NewUser"]["properties"]["password"]["minLength"] == 8
    assert schemas["KeyAnswer"]["properties"]["created_at"]["format"] == "date-time"


@pytest.mark.integration
async def test_the_document_is_served_and_its_readers_are_not(studio: HttpStudio) -> None:
    reply = await studio.call("GET", "/openapi.json")
    assert reply.json == document()
    assert (await studio.call("GET", "/docs")).status == 404
    assert (await studio.call("GET", "/redoc")).status == 404
