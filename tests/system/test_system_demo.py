"""``studio demo`` against a running studio, and when there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.load.own_studio import environment
from tests.system.conftest import Running
from tests.system.stage import demand_a_graph_that_can_be_drawn, replayed, trace_of_the_workflow

pytestmark = pytest.mark.integration

AGENT = "demo-support-agent"


def demo(data_dir: Path, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "studio", "demo", *arguments],
        env=environment(data_dir) | more,
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


def test_a_newcomer_sees_data(running: Running, data_dir: Path) -> None:
    studio = running.studio
    endpoint = f"http://127.0.0.1:{studio.http_port}"
    code, out, err = demo(data_dir, "--endpoint", endpoint, "--key", running.key)
    assert (code, err) == (0, "")
    assert running.key not in out
    assert studio.rest("GET", "/api/v1/observability/services").json == ["demo-junjo-workflow", AGENT]
    links = [line.strip() for line in out.splitlines() if line.strip().startswith(endpoint)]
    assert [len(studio.rest("GET", link.removeprefix(endpoint)).json) for link in links] == [6, 10]

    (root,) = studio.rest("GET", f"/api/v1/observability/services/{AGENT}/spans/root?has_llm=true").json
    assert root["name"] == "support-agent"
    (page,) = studio.pages(AGENT, 500)
    assert [span["name"] for span in page if span["status_code"] == "2"] == ["execute_tool start_refund"]

    workflow, spans = trace_of_the_workflow(running, "demo-junjo-workflow")
    for flow in (workflow, spans["EstimateBudget"]):
        nodes = demand_a_graph_that_can_be_drawn(flow["junjo_wf_graph_structure"])
        ran = {name: span["junjo_id"] for name, span in spans.items() if name in nodes}
        assert ran == {name: nodes[name]["id"] for name in ran}
        assert replayed(flow, spans) == flow["junjo_wf_state_end"]


def test_the_key_and_the_port_may_come_from_the_environment(running: Running, data_dir: Path) -> None:
    port = str(running.studio.http_port)
    for _ in range(2):  # every run has ids of its own
        code, _, err = demo(data_dir, JUNJO_AI_STUDIO_API_KEY=running.key, JUNJO_BACKEND_PORT=port)
        assert (code, err) == (0, "")
    assert len(running.studio.stored(AGENT)) == 12


def test_a_wrong_key_is_said_and_not_shown(running: Running, data_dir: Path) -> None:
    endpoint = f"http://127.0.0.1:{running.studio.http_port}"
    code, out, err = demo(data_dir, "--endpoint", endpoint, "--key", "wrong-key-4711")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert endpoint in err
    assert "wrong-key-4711" not in err


def test_without_a_key_it_says_how_to_make_one(data_dir: Path) -> None:
    code, out, err = demo(data_dir, "--endpoint", "http://127.0.0.1:9/")
    assert (code, out) == (2, "")
    assert "JUNJO_AI_STUDIO_API_KEY" in err
    assert "http://127.0.0.1:9/api_keys" in err


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "127.0.0.1:9", "http://[", "http://127.0.0.1:99999"])
def test_where_no_studio_is_that_is_said(data_dir: Path, endpoint: str) -> None:
    code, out, err = demo(data_dir, "--endpoint", endpoint, "--key", "k" * 64)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert endpoint in err


def test_where_something_else_listens_that_is_said(running: Running, data_dir: Path) -> None:
    endpoint = f"http://127.0.0.1:{running.studio.http_port}/not-here"
    code, _, err = demo(data_dir, "--endpoint", endpoint, "--key", running.key)
    assert code == 1
    assert "is no studio" in err
    endpoint = f"http://127.0.0.1:{running.studio.grpc_port}"
    assert demo(data_dir, "--endpoint", endpoint, "--key", running.key)[0] == 1
