"""The queries of docs/data.md, as they stand there, run by a shell over a backup."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from actors.span_store.messages import IngestSpans
from tests.actors.span_store.stage import SEALED_AT_ONCE, back_up, store_in
from tests.source import PROJECT
from tests.spans import span

pytestmark = pytest.mark.integration

BLOCKS = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "data.md").read_text(), flags=re.DOTALL)
BACKUP = "backups/monday"  # in the home folder


def command(folder: Path) -> Path:
    """A program called ``duckdb``."""
    program = folder / "duckdb"
    folder.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m tests.plain_duckdb "$@"\n')
    program.chmod(0o755)
    return program


async def test_they_answer_over_a_backup(tmp_path: Path) -> None:
    names = [name for name in ("llm.model_name", "gen_ai.request.model") for _ in range(3)]
    spans = [
        span(number, trace_id=1, service="joke-agent", attributes={name: "a-model", "llm.token_count.prompt": number})
        for number, name in enumerate(names, 1)
    ]
    async with store_in(tmp_path / "original", SEALED_AT_ONCE) as bus:
        await bus.ask(IngestSpans(spans=spans, size=1000))
        await back_up(bus, tmp_path / "home" / BACKUP)
    [queries] = [block for block in BLOCKS if block.startswith("duckdb ")]
    done = await asyncio.to_thread(
        subprocess.run,
        ["sh", "-euc", queries],
        env={
            "HOME": str(tmp_path / "home"),
            "PATH": f"{command(tmp_path / 'bin').parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(PROJECT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == ["joke-agent", "a-model", 6, 21, None]
    assert [row for row in answers[1:] if row[1] == "a-model"] == [
        [f"span {number}", "a-model"] for number in (1, 2, 3)
    ]
