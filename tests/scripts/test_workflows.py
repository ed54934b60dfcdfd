"""Continuous integration elsewhere runs what runs here."""

import os
import re
from typing import Any

import pytest
import yaml

from tests.source import PROJECT

pytestmark = pytest.mark.unit

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))


def steps() -> list[dict[str, Any]]:
    return [
        step for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]
    ]


def test_the_workflows_call_the_scripts_that_the_local_run_calls() -> None:
    called = {step["run"].split()[0] for step in steps() if "run" in step}
    local = set(re.findall(r"^ *step .* (scripts/\S+)$", (PROJECT / ".ci" / "run").read_text(), re.MULTILINE))
    assert called == local
    assert all(os.access(PROJECT / script, os.X_OK) for script in called)


def test_they_run_for_pushes_and_pull_requests() -> None:
    for path in WORKFLOWS:
        triggers = yaml.safe_load(path.read_text())[True]  # YAML 1.1 takes the word "on" for that
        assert {"push", "pull_request"} <= set(triggers)


def test_actions_of_others_have_a_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", each) for each in used)
