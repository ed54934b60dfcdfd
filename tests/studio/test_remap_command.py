"""``studio remap`` as an operator runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.load.own_studio import environment
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, running_store, state_when
from tests.spans import span

pytestmark = pytest.mark.integration


def command(data_dir: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "studio", "remap", *arguments],
        env=environment(data_dir),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_columns_are_derived_anew(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "duckdb").mkdir(parents=True)
    async with running_store(data_dir / "duckdb" / "traces.duckdb", SEALED_AT_ONCE) as bus:
        await ingest(bus, span(1))
        await state_when(bus, all_sealed)
    assert command(data_dir) == (0, "All columns are of this version already.\n")
    code, said = command(data_dir, "--all")
    assert code == 0
    assert said.endswith(".parquet: derived anew\nDone with 1 segments.\n")
