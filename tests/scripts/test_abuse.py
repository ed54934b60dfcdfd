"""The attacks reach the studio, and it loses nothing of what its exporters send meanwhile."""

import threading
from pathlib import Path

import pytest

from scripts.abuse import ATTACKS, PEACE, run

pytestmark = [pytest.mark.integration, pytest.mark.requires_grpc_server, pytest.mark.security]


def test_attacks_in_turn_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(list(ATTACKS), len(ATTACKS) / 4, 0.1, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:-4]] == [PEACE, *ATTACKS]
    assert lines[-2].endswith("MB more than without attacks")
    sent, _, rest = lines[-1].partition(" spans acknowledged, ")
    assert int(sent) > 0
    assert rest == "0 lost"
    assert not [thread for thread in threading.enumerate() if thread.name == "abuse-exporter"]
