"""Ends in the middle of load: what was acknowledged is there afterwards, and nothing is there twice."""

from pathlib import Path

import pytest

from scripts.load.own_studio import OwnStudio
from scripts.load.payloads import Payloads
from scripts.torture import ANY_MOMENT, Load, compare, rounds, send_again

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.error_recovery]


@pytest.mark.parametrize(
    ("kills", "spans_a_request", "most_requests"),
    [pytest.param(3, (1, 20, 200), 150, id="small-requests"), pytest.param(2, (512,), 120, id="while-sealing")],
)
def test_nothing_acknowledged_is_lost_to_a_kill(
    data_dir: Path, kills: int, spans_a_request: tuple[int, ...], most_requests: int
) -> None:
    kill = rounds(data_dir, kills, spans_a_request=spans_a_request, most_requests=most_requests, points=[ANY_MOMENT])
    findings = list(kill)
    assert len(findings) == kills
    for finding in findings:
        assert finding.acknowledged > 0
        assert finding.good, finding


def test_nothing_is_lost_to_a_kill_at_a_delicate_point(data_dir: Path) -> None:
    """Some of the points; ``scripts/torture.py`` goes through all."""
    points = ("journal-written", "segment-synced", "index-committed", "deletion-committed")
    for finding in rounds(data_dir, len(points), most_requests=60, points=points, seed=1):
        assert finding.good, finding


def test_a_stop_in_the_middle_of_load_is_orderly(data_dir: Path) -> None:
    with OwnStudio(data_dir) as studio:
        key = studio.sign_up()
        load = Load(studio, key, "stopped", [Payloads(20), Payloads(200)])
        load.wait_for(30)
        exit_code = studio.terminate()
        load.join()
    assert exit_code == 0
    assert len(load.acknowledged) >= 30
    assert [str(refusal) for refusal in load.refusals if not refusal.retryable] == []
    with OwnStudio(data_dir) as studio:
        studio.sign_in()
        finding = compare(load, studio.stored("stopped"), 0.0)
        assert finding.good, finding
        assert len(send_again(studio, key, "stopped", load)) == finding.acknowledged + finding.in_doubt
