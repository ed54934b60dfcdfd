"""The container files, as far as they can be judged without a container engine."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from studio.settings import declared_variables
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
