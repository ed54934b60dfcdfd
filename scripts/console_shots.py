"""Make ``docs/console/*.png``: each page of the console with the demo's data, in both schemes.

Run from the repository: ``scripts/console-shots [NAME...]``. A studio of its own runs in a temporary folder meanwhile.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import attrs
from playwright.sync_api import Browser

from scripts.load.own_browser import Scheme, address, own_browser, visit
from scripts.load.own_studio import HOST, ROOT, OwnStudio

FOLDER = ROOT / "docs/console"
RECORDINGS = ROOT / "tests/recordings"
NARROW = 390


@attrs.frozen
class Shot:
    """A picture: of which page, when what is there, at which width."""

    name: str
    path: str
    there: str
    width: int = 1280


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="of pictures; all by default")
    chosen = parser.parse_args(arguments).names
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, OwnStudio(Path(folder) / "data") as studio:
        key = studio.sign_up()
        send(studio, key)
        with own_browser() as browser:
            for shot in shots(studio):
                if not chosen or shot.name in chosen:
                    take(browser, studio, shot)
    return 0


def send(studio: OwnStudio, key: str) -> None:
    """What is to be seen: the demo, and a run of junjo with failures."""
    endpoint = f"http://{HOST}:{studio.http_port}"
    subprocess.run([sys.executable, "-m", "studio", "demo", "--endpoint", endpoint, "--key", key], check=True, cwd=ROOT)
    body = (RECORDINGS / "junjo_runs_0.69.0.bin").read_bytes()
    studio.call("POST", "/v1/traces", body, {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"})


def shots(studio: OwnStudio) -> list[Shot]:
    call = first(studio, "spans", "type:llm service:demo-support-agent")
    run = first(studio, "spans", "type:workflow name:Report")
    traces = studio.rest("GET", "/api/v1/observability/traces?q=name%3AReport&limit=2").json["traces"]
    sessions = studio.rest("GET", "/api/v1/observability/sessions?limit=50").json["sessions"]
    session = max(sessions, key=lambda each: int(each["turns"]))["session_id"]
    there, span = "water-fall .windowed-row", f"traces/{call['trace_id']}?span={call['span_id']}"
    return [
        Shot("traces", "traces", ".trace-list-row"),
        Shot("traces-narrow", "traces", ".trace-list-row", NARROW),
        Shot("trace", span, ".span-panel-body"),
        Shot("trace-narrow", f"traces/{call['trace_id']}", there, NARROW),
        Shot("compare", f"compare?a={traces[0]['trace_id']}&b={traces[-1]['trace_id']}", ".compare-row"),
        Shot("workflow", f"workflows/{run['trace_id']}/{run['span_id']}?step=3", ".run-change"),
        Shot("sessions", "sessions", ".session-row"),
        Shot("session", f"sessions/{session}", ".turn"),
        Shot("playground", f"playground?trace={call['trace_id']}&span={call['span_id']}", ".prompt-message"),
        Shot("dashboard", "dashboard?by=model", "time-chart svg"),
        Shot("dashboard-narrow", "dashboard?by=model", "time-chart svg", NARROW),
        Shot("live", "live", ".trace-list-row"),
        Shot("sql", "sql", "textarea"),
        Shot("start", "start", ".card, pre"),
        Shot("settings", "settings/keys", "table"),
        Shot("audit", "audit", "table"),
    ]


def first(studio: OwnStudio, of: str, q: str) -> dict[str, Any]:
    """The first span or trace that the filter is true of."""
    [found] = studio.rest("GET", f"/api/v1/observability/{of}?limit=1&q={q.replace(' ', '%20')}").json[of]
    return dict(found)


def take(browser: Browser, studio: OwnStudio, shot: Shot) -> None:
    for scheme in get_args(Scheme):
        with visit(browser, studio, width=shot.width, scheme=scheme) as page:
            page.goto(address(studio, shot.path))
            page.locator(shot.there).first.wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{shot.name}-{scheme}.png", animations="disabled")


if __name__ == "__main__":
    sys.exit(main())
