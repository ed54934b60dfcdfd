"""``studio demo`` against a running studio, and when there is none."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from scripts.load.own_studio import OwnStudio, environment
from studio.demo.day import AFTER_DEPLOY, BEFORE_DEPLOY, day
from studio.demo.drafts import TraceDraft
from tests.system.conftest import Running
from tests.system.stage import WORKFLOWS, demand_a_graph_that_can_be_drawn, replayed

pytestmark = pytest.mark.integration

API = "/api/v1/observability"
AGENT = "demo-support-agent"
SERVICES = ["demo-junjo-workflow", "demo-research-agent", "demo-shop-assistant", AGENT]


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
    assert out.endswith(f"  {endpoint}/console/\n")
    links = [line.strip() for line in out.splitlines() if f"  {endpoint}/api" in line]
    newest = [studio.rest("GET", link.removeprefix(endpoint)).json for link in links]
    assert {span["service_name"] for spans in newest for span in spans} == set(SERVICES)
    demand_services_and_times(studio)
    demand_sessions_with_turns(studio)
    demand_costs_of_three_providers(studio)
    demand_a_slow_deploy(studio)
    demand_failures(studio)
    demand_a_workflow(studio)


def demand_services_and_times(studio: OwnStudio) -> None:
    assert studio.rest("GET", f"{API}/services").json == SERVICES
    stats = asked(studio, "stats", of="traces", interval="1h", **{"from": "now-24h"})
    (everything,) = stats["groups"]
    assert everything["total"]["count"] == len(day())
    assert len([point for point in everything["points"] if point["count"]]) >= 24


def demand_sessions_with_turns(studio: OwnStudio) -> None:
    sessions = asked(studio, "sessions", limit=200)["sessions"]
    assert len(sessions) == 91
    assert all(session["user_id"] for session in sessions)
    longest = max(sessions, key=lambda session: session["turns"])
    assert longest["turns"] == 4
    turns = asked(studio, f"sessions/{longest['session_id']}")["turns"]
    assert [turn["input"] is not None for turn in turns] == [True] * 4
    assert turns[0]["input"].startswith("I am looking for ")


def demand_costs_of_three_providers(studio: OwnStudio) -> None:
    groups = {group["key"]["provider"]: group["total"] for group in stats_by(studio, "provider")}
    assert set(groups) == {"openai", "anthropic", "google"}
    for provider, total in groups.items():
        assert total["cost_usd"] > 0, provider
        assert total["time_to_first_token_ns"]["p50"] > 0, provider
        assert total["tokens"]["cache_read"] > 0, provider
        assert total["tokens"]["reasoning"] > 0, provider
        assert total["unpriced"] <= total["errors"], provider  # a call that failed says no tokens


def demand_a_slow_deploy(studio: OwnStudio) -> None:
    groups = stats_by(studio, "version", of="traces", q="service:demo-shop-assistant")
    by_version = {group["key"]["version"]: group["total"] for group in groups}
    good, bad = by_version[BEFORE_DEPLOY], by_version[AFTER_DEPLOY]
    assert bad["duration_ns"]["p95"] > 1.5 * good["duration_ns"]["p95"]
    assert bad["errors"] / bad["count"] > 2 * good["errors"] / good["count"]


def demand_failures(studio: OwnStudio) -> None:
    tools = asked(studio, "spans", q="type:tool status:error has:attr.gen_ai.tool.call.arguments", limit=200)["spans"]
    assert len(tools) > 5
    assert {span["error_type"] for span in tools} == {"TimeoutError"}
    models = asked(studio, "spans", q="type:llm status:error", limit=200)["spans"]
    assert {(span["error_type"], span["finish_reason"]) for span in models} == {("RateLimitError", "error")}
    assert asked(studio, "spans", q="finish_reason:length")["spans"]
    spans = studio.rest("GET", f"{API}/traces/{models[0]['trace_id']}/spans").json
    (event,) = [event for span in spans for event in span["events_json"] if event["name"] == "exception"]
    assert event["attributes"]["exception.stacktrace"].startswith("Traceback (most recent call last):")


def demand_a_workflow(studio: OwnStudio) -> None:
    runs = studio.rest("GET", WORKFLOWS.format("demo-junjo-workflow")).json
    assert len(runs) == 19
    spans = {span["name"]: span for span in studio.rest("GET", f"{API}/traces/{runs[0]['trace_id']}/spans").json}
    for flow in (spans["Plan Trip"], spans["EstimateBudget"]):
        nodes = demand_a_graph_that_can_be_drawn(flow["junjo_wf_graph_structure"])
        ran = {name: span["junjo_id"] for name, span in spans.items() if name in nodes}
        assert ran == {name: nodes[name]["id"] for name in ran}
        assert replayed(flow, spans) == flow["junjo_wf_state_end"]


def stats_by(studio: OwnStudio, field: str, **query: object) -> Any:
    return asked(studio, "stats", group_by=field, **query)["groups"]


def asked(studio: OwnStudio, path: str, **query: object) -> Any:
    reply = studio.rest("GET", f"{API}/{path}?{urlencode(query)}")
    assert reply.status == 200, reply
    return reply.json


def test_a_seed_makes_the_same_day_again() -> None:
    assert told(day(7)) == told(day(7))
    assert told(day(7)) != told(day(8))


def told(traces: Sequence[TraceDraft]) -> Any:
    """What has no id in it: services, versions, times, names, and the questions."""
    return [
        (trace.service, trace.version, trace.ago, [(span.name, span.at, span.error) for span in trace.spans])
        for trace in traces
    ]


def test_all_of_the_day_is_of_the_last_24_hours() -> None:
    ages = [trace.ago + trace.spans[0].at[1] for trace in day()]
    assert min(ages) > 0
    assert max(ages) < 24 * 3_600_000


def test_the_key_and_the_port_may_come_from_the_environment(running: Running, data_dir: Path) -> None:
    port = str(running.studio.http_port)
    for _ in range(2):  # every run has ids of its own
        code, _, err = demo(data_dir, JUNJO_AI_STUDIO_API_KEY=running.key, JUNJO_BACKEND_PORT=port)
        assert (code, err) == (0, "")
    spans = sum(len(trace.spans) for trace in day() if trace.service == AGENT)
    assert len(running.studio.stored(AGENT)) == 2 * spans


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
