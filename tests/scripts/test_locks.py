"""The lock files: complete, hashed, of one mind, and free of addresses."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.studio_process import ROOT

pytestmark = pytest.mark.unit

RUN = "requirements.lock"
TEST = "scripts/requirements-test.lock"


def locked(file: str) -> dict[str, str]:
    """Version by package name."""
    pins = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / file).read_text(), flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("file", [RUN, TEST])
def test_every_package_has_hashes(file: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / file).read_text().strip())
    assert len(entries) == len(locked(file))
    assert [
        entry
        for entry in entries
        if not re.fullmatch(r"\S+==\S+( ;[^\\]+)?( \\\n +--hash=sha256:[0-9a-f]{64})+", entry)
    ] == []


@pytest.mark.parametrize("file", [RUN, TEST])
def test_nothing_says_where_it_was_written(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "://" not in text
    assert "/" not in text
    assert re.search(r"--(?!hash=)", text) is None


def test_what_is_tested_is_what_runs() -> None:
    tested = locked(TEST)
    assert {name: tested.get(name) for name in locked(RUN)} == locked(RUN)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = [(RUN, text) for text in project()["project"]["dependencies"]]
    asked += [(TEST, text) for text in project()["dependency-groups"]["dev"]]
    for file, text in asked:
        requirement = Requirement(text)
        version = locked(file).get(canonicalize_name(requirement.name))
        assert version is not None, f"{file} lacks {text}: run scripts/write-locks"
        assert requirement.specifier.contains(version), f"{file} has {version}, not {text}: run scripts/write-locks"


@pytest.mark.parametrize("file", [RUN, TEST])
def test_the_locks_hold_all_that_their_packages_need(file: str) -> None:
    """Nothing is resolved when they are installed."""
    pins = locked(file)
    asked = [Requirement(f"{name}=={version}") for name, version in pins.items()]
    seen: set[tuple[str, str]] = set()
    while asked:
        requirement = asked.pop()
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{file} lacks {requirement}: run scripts/write-locks"
        assert requirement.specifier.contains(pins[name]), f"{file} has {name} {pins[name]}, not {requirement}"
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen and installed(name):
                seen.add((name, extra))
                needs = map(Requirement, distribution(name).requires or ())
                asked += [each for each in needs if each.marker is None or each.marker.evaluate({"extra": extra})]


def installed(name: str) -> bool:
    """False for what is for another Python or system."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
