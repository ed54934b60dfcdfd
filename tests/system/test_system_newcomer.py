"""What somebody does who has just started the studio, with the exporters of the OpenTelemetry SDK."""

import json
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult

from scripts.load.own_studio import EMAIL, PASSWORD, OwnStudio
from tests.system.conftest import Running
from tests.system.stage import EXPORTERS, MakeExporter, traced

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server]

SPANS = "/api/v1/observability/services/{service}/spans"


def export(make: MakeExporter, running: Running, service: str) -> SpanExportResult:
    exporter = make(running.studio, running.key)
    try:
        return exporter.export(traced(service))
    finally:
        exporter.shutdown()


@pytest.mark.parametrize("name", EXPORTERS)
def test_what_an_exporter_sends_is_read_back(running: Running, name: str) -> None:
    assert export(EXPORTERS[name], running, name) is SpanExportResult.SUCCESS
    (page,) = running.studio.pages(name, 500)
    call, question = page
    assert (question["name"], question["parent_span_id"]) == ("question", None)
    assert (call["name"], call["parent_span_id"]) == ("ChatCompletion", question["span_id"])
    assert call["attributes_json"]["input.value"] == "Why? " * 100
    (root,) = running.studio.rest("GET", SPANS.format(service=name) + "/root?has_llm=true").json
    assert root == question


def test_the_walk_of_a_newcomer(data_dir: Path) -> None:
    with OwnStudio(data_dir) as studio:
        assert studio.rest("GET", "/users/db-has-users").json == {"users_exist": False}
        assert studio.rest("GET", "/auth-test").status == 401
        running = Running(studio=studio, key=studio.sign_up())
        assert studio.rest("GET", "/users/db-has-users").json == {"users_exist": True}
        assert studio.rest("GET", "/auth-test").json == {"user_email": EMAIL}
        assert studio.rest("GET", "/api/v1/observability/services").json == []

        assert export(EXPORTERS["grpc-gzip"], running, "mine") is SpanExportResult.SUCCESS
        assert studio.rest("GET", "/api/v1/observability/services").json == ["mine"]

        (listed,) = studio.rest("GET", "/api_keys").json
        assert running.key not in str(listed)
        assert studio.rest("DELETE", f"/api_keys/{listed['id']}").status == 204
        for make in EXPORTERS.values():
            assert export(make, running, "refused") is SpanExportResult.FAILURE
        assert studio.rest("GET", "/api/v1/observability/services").json == ["mine"]

        assert studio.rest("POST", "/sign-out").json == {"message": "signed out"}
        assert studio.rest("GET", "/api/v1/observability/services").status == 401  # the cookie is dead, not just gone
        studio.sign_in()
        assert studio.rest("GET", "/api/v1/observability/services").json == ["mine"]


def test_a_studio_that_has_worked_says_nothing_but_log_lines(running: Running) -> None:
    for name, make in EXPORTERS.items():
        assert export(make, running, name) is SpanExportResult.SUCCESS
    assert running.studio.terminate() == 0
    lines = [json.loads(line) for line in running.studio.log.read_text().splitlines()]
    assert lines[-1]["event"] == "studio stopped"
    assert {line["level"] for line in lines} == {"info"}


@pytest.mark.security
def test_no_secret_reaches_the_log(running: Running) -> None:
    cookie = running.studio.rest("POST", "/sign-in", {"email": EMAIL, "password": PASSWORD}).headers["set-cookie"]
    for name, make in EXPORTERS.items():
        assert export(make, running, name) is SpanExportResult.SUCCESS
    assert running.studio.terminate() == 0
    log = running.studio.log.read_text()
    for secret in (running.key, PASSWORD, cookie.partition(";")[0].partition("=")[2]):
        assert secret not in log
