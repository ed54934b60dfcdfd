"""The container files, as far as they can be judged without a container engine."""

import base64
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from studio.settings import declared_variables, load_settings
from tests.studio_process import ROOT

pytestmark = pytest.mark.unit

DOCKERFILE = (ROOT / "Dockerfile").read_text()
VARIABLES = {declared.name for declared in declared_variables().values()}


def services() -> dict[str, Any]:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(composed["services"])


def test_the_studio_alone_is_the_default() -> None:
    assert [name for name, service in services().items() if "profiles" not in service] == ["junjo-ai-studio-backend"]
    assert {tuple(service["profiles"]) for service in services().values() if "profiles" in service} == {("full",)}


def test_the_studio_is_given_only_settings_that_exist() -> None:
    assert set(services()["junjo-ai-studio-backend"]["environment"]) <= VARIABLES


@pytest.mark.security
def test_production_starts_with_the_env_file_that_is_documented(tmp_path: Path) -> None:
    """Compose makes the studio listen on all addresses, so the token is required too."""
    secret = base64.b64encode(bytes(range(32))).decode()
    env_file = {
        "JUNJO_ENV": "production",
        "JUNJO_SESSION_SECRET": secret,
        "JUNJO_SECURE_COOKIE_KEY": secret,
        "JUNJO_INTERNAL_GRPC_TOKEN": secret,
        "JUNJO_PROD_FRONTEND_URL": "https://studio.example.com",
        "JUNJO_PROD_BACKEND_URL": "https://api.example.com",
        "JUNJO_PROD_INGESTION_URL": "https://spans.example.com",
    }
    fixed = services()["junjo-ai-studio-backend"]["environment"] | {"INGESTION_HOST": "junjo-ai-studio-ingestion"}
    settings = load_settings(env_file | fixed, tmp_path)
    assert settings.production
    handed_on = services()["junjo-ai-studio-ingestion"]["environment"]["JUNJO_INTERNAL_GRPC_TOKEN"]
    assert handed_on == "${JUNJO_INTERNAL_GRPC_TOKEN:-}"
    assert "JUNJO_INTERNAL_GRPC_TOKEN" in (ROOT / "docker-compose.yml").read_text().partition("services:")[0]


def test_everything_is_published_on_loopback_unless_told_otherwise() -> None:
    ports = [port for service in services().values() for port in service["ports"]]
    assert ports
    assert all(port["host_ip"] == "${JUNJO_HOST:-127.0.0.1}" for port in ports)


def test_what_is_published_is_exposed() -> None:
    (exposed,) = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, flags=re.MULTILINE)
    published = {port["target"] for port in services()["junjo-ai-studio-backend"]["ports"]}
    assert published <= {int(port) for port in exposed.split()}


def test_named_volumes_are_declared() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    used = {
        re.sub(r"^\$\{\w+:-([\w-]+)\}", r"\1", text).split(":")[0]
        for service in services().values()
        for text in service.get("volumes", [])
    }
    assert used == set(composed["volumes"])


def test_the_image_holds_what_the_wheel_holds() -> None:
    copied = {source for source, _ in re.findall(r"^COPY (\w+) (/app/\w+)$", DOCKERFILE, flags=re.MULTILINE)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert copied == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == copied | {"requirements.lock"}


@pytest.mark.security
def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, flags=re.MULTILINE) == ["studio"]
