"""How long do statements of SQL take with millions of spans, and how long does plain DuckDB take on the same columns?

So many spans are stored by a studio of its own and exported; from the export plain DuckDB writes a Parquet file that
has the columns of the view ``spans``. Then the same statements are asked, in turns: of the studio over HTTP, answers
read to their end, and of plain DuckDB, with as many threads as there are cores and with one. Each is asked some times
before that does not count. The goal is that the studio takes no more than 1.2 times what plain DuckDB does.

The exit code is 1 when a statement failed, or an answer has another number of rows than plain DuckDB's.

Run from the repository: ``uv run python -m scripts.bench_sql``.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import attrs
import duckdb

from scripts.bench_queries import exported, fill
from scripts.load.figures import head, milliseconds, row
from scripts.load.machine import machine
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.traffic import Traffic

WARM_UP = 2
LIMIT = 10_000
GOAL = 1.2
STATEMENTS = {
    "count of spans": "SELECT count(*) FROM spans",
    "calls by model": (
        "SELECT model, count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd) FROM calls GROUP BY model"
    ),
    "errors by hour and service": (
        "SELECT date_trunc('hour', start_time) AS hour, service, count(*) FROM spans WHERE status = 'error' "
        "GROUP BY ALL ORDER BY ALL"
    ),
    "quantiles of durations by name": (
        "SELECT name, count(*), quantile_cont(duration_ns, 0.95) FROM spans GROUP BY name ORDER BY 2 DESC LIMIT 20"
    ),
    "calls of one service": "SELECT count(*), avg(duration_ns) FROM calls WHERE service = 'agent-01'",
    "newest hundred": (
        "SELECT trace_id, span_id, name, start_time, duration_ns FROM spans ORDER BY start_time DESC, span_id LIMIT 100"
    ),
    "longest traces": (
        "SELECT trace_id, count(*) AS spans, max(end_time) - min(start_time) AS took FROM spans GROUP BY trace_id "
        "ORDER BY took DESC LIMIT 20"
    ),
    "users by money": (
        "SELECT user_id, count(DISTINCT session_id), sum(cost_usd) AS cost FROM calls GROUP BY user_id "
        "ORDER BY cost DESC NULLS LAST LIMIT 20"
    ),
}
COLUMNS = """
    COPY (
        SELECT
            trace_id, span_id, parent_span_id, service_name AS service, name, type,
            make_timestamp_ns(start_time_unix_nano::BIGINT) AS start_time,
            CASE WHEN end_time_unix_nano > 0 THEN make_timestamp_ns(end_time_unix_nano::BIGINT) END AS end_time,
            greatest(0, end_time_unix_nano::BIGINT - start_time_unix_nano::BIGINT) AS duration_ns,
            CASE status_code WHEN 1 THEN 'ok' WHEN 2 THEN 'error' ELSE 'unset' END AS status,
            model, provider, input_tokens, output_tokens, cost_usd, session_id, user_id,
            coalesce(type IN ('llm', 'embedding'), false) AS counted
        FROM read_parquet('{source}')
    ) TO '{target}' (FORMAT parquet)
"""
VIEWS = """
    CREATE VIEW spans AS SELECT * FROM read_parquet('{file}');
    CREATE VIEW calls AS SELECT * FROM spans WHERE counted;
"""


@attrs.define
class Timed:
    """One statement: seconds of the studio, of plain DuckDB, and of that in one thread."""

    name: str
    sql: str
    seconds: dict[str, list[float]] = attrs.field(factory=lambda: {"studio": [], "duckdb": [], "one thread": []})
    rows: dict[str, int] = attrs.field(factory=dict)

    def once(self, who: str, ask: Callable[[str], int]) -> None:
        began = time.perf_counter()
        self.rows[who] = ask(self.sql)
        self.seconds[who].append(time.perf_counter() - began)

    def row(self) -> str:
        middle = {who: statistics.median(some[WARM_UP:]) for who, some in self.seconds.items()}
        times = (milliseconds(middle[who]) for who in ("studio", "duckdb", "one thread"))
        return row(self.name, *times, f"{middle['studio'] / middle['duckdb']:.2f}")

    @property
    def fault(self) -> str | None:
        return None if len(set(self.rows.values())) == 1 else f"{self.name}: rows {self.rows}"


def asks_studio(studio: OwnStudio, connection: HTTPConnection) -> Callable[[str], int]:
    def ask(sql: str) -> int:
        body = json.dumps({"sql": sql, "limit": LIMIT}).encode()
        headers = {"Cookie": studio.cookie, "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/sql", body=body, headers=headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise AssertionError(f"{sql}: {response.status} {answer}")
        return len(answer["rows"])

    return ask


def asks_duckdb(file: Path, threads: int | None) -> Callable[[str], int]:
    connection = duckdb.connect()
    if threads is not None:
        connection.execute(f"SET threads = {threads:d}")
    connection.execute(VIEWS.format(file=file))
    return lambda sql: len(connection.execute(sql).fetchall())


def measure(folder: Path, options: argparse.Namespace) -> Sequence[Timed]:
    timed, traffic = [Timed(name, sql) for name, sql in STATEMENTS.items()], Traffic(marked=True)
    source, file = folder / "export.parquet", folder / "columns.parquet"
    with OwnStudio(folder / "data") as studio:
        fill(studio, studio.sign_up(), traffic, options)
        print(exported(studio, source), flush=True)
        duckdb.connect().execute(COLUMNS.format(source=source, target=file))
        source.unlink()
        time.sleep(options.rest)
        with closing(HTTPConnection(HOST, studio.http_port, timeout=60)) as connection:
            asked = {
                "studio": asks_studio(studio, connection),
                "duckdb": asks_duckdb(file, None),
                "one thread": asks_duckdb(file, 1),
            }
            for _ in range(WARM_UP + options.times):
                for each in timed:
                    for who, ask in asked.items():
                        each.once(who, ask)
            memory, peak = studio.memory() / 1e6, studio.peak_memory() / 1e6
    print("", head("statement", "studio ms", "DuckDB ms", "DuckDB, one thread ms", "studio / DuckDB"), sep="\n")
    print(*(each.row() for each in timed), sep="\n")
    print(f"\nThe goal is {GOAL}. RSS {memory:.0f} MB, at most {peak:.0f}.")
    return timed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=5_000_000, help="spans")
    parser.add_argument("--hours", type=float, default=24, help="that these go back")
    parser.add_argument("--clients", type=int, default=4, help="that send them")
    parser.add_argument("--times", type=int, default=10, help="that each statement is asked")
    parser.add_argument("--rest", type=float, default=10, help="seconds before that, in which segments are put away")
    parser.add_argument("--folder", type=Path, help="where the data folder is made; default: the temporary folder")
    options = parser.parse_args(arguments)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        timed = measure(Path(folder), options)
    faults = [each.fault for each in timed if each.fault]
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
