import re
from typing import Any

import pytest
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
}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, methods in document()["paths"].items() for method, op in methods.items()]


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    validate(document())


def test_the_document_and_the_routes_agree() -> None:
    listed = {(route.path, route.method.lower()) for route in ROUTES if route.listed}
    assert {(path, method) for path, method, _ in operations()} == listed
    assert [route.path for route in ROUTES if not route.listed] == ["/openapi.json"]


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
    assert all(item["description"] and "example" in item for item in properties + parameters)
    assert all("examples" in item for item in properties)


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
