"""What tests of the program share: a run that ends by itself, and a data folder of the predecessor."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from studio.settings import Settings, load_settings
from tests.source import PROJECT
from tests.studio_process import start_studio

KEY = "Zz09" * 16
TABLES = """
    CREATE TABLE users (
        id VARCHAR(22) NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, password_hash VARCHAR(255) NOT NULL,
        is_active BOOLEAN NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL
    );
    CREATE TABLE api_keys (
        id VARCHAR(22) NOT NULL PRIMARY KEY, "key" VARCHAR(64) NOT NULL UNIQUE, name VARCHAR(255) NOT NULL,
        created_at DATETIME NOT NULL
    );
"""
SPANS = """
    CREATE TABLE spans (
        trace_id VARCHAR(32) NOT NULL, span_id VARCHAR(16) NOT NULL, parent_span_id VARCHAR(16),
        service_name VARCHAR NOT NULL, name VARCHAR, kind VARCHAR, start_time TIMESTAMPTZ NOT NULL,
        end_time TIMESTAMPTZ NOT NULL, status_code VARCHAR, status_message VARCHAR, attributes_json JSON,
        events_json JSON, links_json JSON, trace_flags INTEGER, trace_state VARCHAR, junjo_id VARCHAR,
        junjo_parent_id VARCHAR, junjo_span_type VARCHAR, junjo_wf_state_start JSON, junjo_wf_state_end JSON,
        junjo_wf_graph_structure JSON, junjo_wf_store_id VARCHAR, PRIMARY KEY (trace_id, span_id)
    )
"""
GOLDEN = PROJECT / "tests" / "recordings" / "golden.jsonl"
DAY = "2025-06-01 10:00:00.250000"


async def ended(data_dir: Path, *arguments: str, **more: str) -> tuple[int | None, str, list[str]]:
    """Exit code, standard output, and the lines of standard error of a program that ends by itself."""
    process = await start_studio(data_dir, arguments, more)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode().splitlines()


def recorded_spans() -> list[dict[str, Any]]:
    """Spans as the predecessor's own API showed them: the members are the columns of its table."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in GOLDEN.read_text().splitlines():
        body = json.loads(line)["body"]
        for each in body if isinstance(body, list) else [body]:
            if isinstance(each, dict) and "junjo_wf_store_id" in each:
                found[each["trace_id"], each["span_id"]] = each
    return list(found.values())


def make_accounts(folder: Path, users: Sequence[tuple[Any, ...]], keys: Sequence[tuple[Any, ...]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "junjo.db")) as connection, connection:
        connection.executescript(TABLES)
        connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", users)
        connection.executemany("INSERT INTO api_keys VALUES (?, ?, ?, ?)", keys)
    return folder


def make_spans(folder: Path, spans: list[dict[str, Any]], table: str = SPANS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(folder / "traces.duckdb") as connection:
        connection.execute(table)
        for each in spans:
            values = [json.dumps(value) if isinstance(value, dict | list) else value for value in each.values()]
            connection.execute(f"INSERT INTO spans ({', '.join(each)}) VALUES ({', '.join('?' * len(each))})", values)
    return folder


def settings(folder: Path) -> Settings:
    return load_settings({"JUNJO_DATA_DIR": str(folder)}, folder.parent)
