"""What a statement may not have is refused before it runs, and what eats time or memory ends within its bounds."""

from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pytest

from actors.errors import DeadlineExceeded, InvalidRequest, StudioError, TooLarge
from actors.runtime.bus import Bus
from actors.span_store.asked.sql import QuerySql
from actors.span_store.embedded.reads.sql import answer, bodies, sandbox
from actors.span_store.embedded.reads.sql.checked import check
from actors.span_store.embedded.reads.sql.parsed import parse
from actors.span_store.embedded.reads.sql.watch import Watch
from actors.span_store.messages import SearchSpans
from tests.actors.span_store.stage import SEALED_AT_ONCE, all_sealed, ingest, state_when, store_in
from tests.spans import START, span

pytestmark = pytest.mark.integration

# By the column at which each is refused.
FORBIDDEN = [
    # other statements
    (1, "ATTACH 'other.duckdb' AS other"),
    (1, "DETACH memory"),
    (1, "COPY (SELECT 1) TO '/tmp/out.csv'"),
    (1, "COPY spans FROM '/etc/passwd'"),
    (1, "EXPORT DATABASE '/tmp/all'"),
    (1, "IMPORT DATABASE '/tmp/all'"),
    (1, "PRAGMA database_list"),
    (1, "PRAGMA enable_external_access"),
    (1, "SET memory_limit = '100GB'"),
    (1, "SET enable_external_access = true"),
    (1, "RESET lock_configuration"),
    (1, "INSTALL httpfs"),
    (1, "LOAD httpfs"),
    (1, "CALL pragma_version()"),
    (1, "CREATE TABLE t AS SELECT 1"),
    (1, "CREATE MACRO f() AS 1"),
    (1, "CREATE SECRET s (TYPE s3)"),
    (1, "INSERT INTO spans SELECT * FROM spans"),
    (1, "UPDATE spans SET name = 'x'"),
    (1, "DELETE FROM spans"),
    (1, "DROP VIEW spans"),
    (1, "ALTER TABLE spans ADD COLUMN x INT"),
    (1, "BEGIN TRANSACTION"),
    (1, "CHECKPOINT"),
    (1, "VACUUM"),
    (1, "PREPARE p AS SELECT 1"),
    (1, "EXECUTE p"),
    (1, "USE other"),
    (1, "EXPLAIN ANALYZE SELECT * FROM spans"),
    (1, "PIVOT spans ON model USING count(*)"),
    (1, "SELECT * FROM (DESCRIBE spans)"),
    (1, "SHOW ALL TABLES"),
    (1, "SUMMARIZE spans"),
    # several statements, and what hides them
    (18, "SELECT 1; SELECT 2"),
    (1, "SELECT 1; DROP VIEW spans"),
    (1, "SELECT 1; ATTACH 'x' AS x; SELECT 1"),
    (14, "/* honest */ ATTACH 'x'"),
    (12, "-- honest\n ATTACH 'x'"),
    # files
    (15, "SELECT * FROM read_csv('/etc/passwd')"),
    (15, "SELECT * FROM read_parquet('*.parquet')"),
    (15, "SELECT * FROM read_text('/etc/passwd')"),
    (15, "SELECT * FROM read_blob('/etc/passwd')"),
    (15, "SELECT * FROM read_json('/etc/passwd')"),
    (15, "SELECT * FROM glob('/*')"),
    (15, "SELECT * FROM sniff_csv('/etc/passwd')"),
    (15, "SELECT * FROM parquet_metadata('x.parquet')"),
    (15, "SELECT * FROM '/etc/passwd'"),
    (15, "SELECT * FROM 'traces.segments/00000001.parquet'"),
    (15, 'SELECT * FROM "https://example.com/x.csv"'),
    (15, "SELECT * FROM read_duckdb('traces.duckdb')"),
    # catalogue and settings
    (15, "SELECT * FROM information_schema.tables"),
    (15, "SELECT * FROM pg_catalog.pg_class"),
    (15, "SELECT * FROM sqlite_master"),
    (15, "SELECT * FROM duckdb_settings()"),
    (15, "SELECT * FROM duckdb_secrets()"),
    (15, "SELECT * FROM duckdb_tables"),
    (15, "SELECT * FROM pragma_table_info('spans')"),
    (15, "SELECT * FROM spans_stored"),
    (15, "SELECT * FROM memory.main.spans"),
    (15, "SELECT * FROM main.spans"),
    (8, "SELECT current_setting('memory_limit')"),
    (8, "SELECT getenv('PATH')"),
    (8, "SELECT getvariable('x')"),
    (8, "SELECT current_user"),
    (8, "SELECT current_schemas(true)"),
    (8, "SELECT version()"),
    (8, "SELECT pg_get_viewdef(1)"),
    (8, "SELECT current_query()"),
    (8, "SELECT main.count(*) FROM spans"),
    # statements inside of values
    (15, "SELECT * FROM query('SELECT 1')"),
    (15, "SELECT * FROM query_table('spans')"),
    (15, "SELECT * FROM json_execute_serialized_sql('{}')"),
    (8, "SELECT json_serialize_sql('SELECT 1')"),
    (15, "SELECT * FROM python_map_function(1)"),
    (15, "SELECT * FROM arrow_scan(1, 2, 3)"),
    (8, "SELECT write_log('x')"),
    (8, "SELECT nextval('s')"),
    # what waits, or makes much out of little
    (8, "SELECT sleep_ms(100000)"),
    (8, "SELECT pg_sleep(100)"),
    (8, "SELECT repeat('x', 1000000000)"),
    (8, "SELECT lpad('x', 1000000000, 'y')"),
    (8, "SELECT format('{:1000000000}', 1)"),
    (8, "SELECT printf('%1000000000d', 1)"),
    (8, "SELECT range(1000000000)"),
    (15, "SELECT * FROM range(1000000000)"),
    (15, "SELECT * FROM generate_series(1, 1000000000)"),
    (8, "SELECT unnest([1, 2])"),
    (15, "SELECT * FROM unnest([1, 2])"),
    (8, "SELECT list_resize([1], 1000000000)"),
    (8, "SELECT list_transform([1], lambda x: x)"),
    (8, "SELECT [x FOR x IN [1, 2]]"),
    (8, "SELECT bitstring('1', 1000000000)"),
    (8, "SELECT levenshtein(name, name) FROM spans"),
    (8, "SELECT random()"),
    (1, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"),
    (1, "WITH RECURSIVE r(n) USING KEY (n) AS (SELECT 1 UNION SELECT n FROM r) SELECT * FROM r"),
    (
        8,
        (
            "SELECT name || name || name || name || name || name || name || name || name || name || name || name "
            "|| name || name || name || name || name FROM spans"
        ),
    ),
    (
        8,
        (
            "SELECT c || c FROM (SELECT b || b AS c FROM (SELECT a || a AS b FROM (SELECT n || n AS a FROM"
            " (SELECT name || name AS n FROM spans))))"
        ),
    ),
    (
        100,
        (
            "WITH a AS (SELECT name || name AS x FROM spans), b AS (SELECT x || x || x || x AS x FROM a) "
            "SELECT x || x || x FROM b"
        ),
    ),
    (53, "SELECT name || name AS a, a || a AS b, b || b AS c, c || c || c FROM spans"),
    (8, "SELECT replace(name, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') FROM spans"),
    (8, "SELECT replace(name, 'a', name) FROM spans"),
    # what takes the square of the time of a text, or makes a power of it
    (8, "SELECT regexp_matches(name, '(a?){1000}a{1000}') FROM spans"),
    (8, "SELECT regexp_matches(name, '((a{9}){9}){9}') FROM spans"),
    (8, "SELECT regexp_matches(name, name) FROM spans"),
    (13, "SELECT name SIMILAR TO '(a?){1000}' FROM spans"),
    (8, "SELECT regexp_extract(name, 'a' || 'b') FROM spans"),
    (8, "SELECT attributes -> '$..*' FROM spans"),
    (8, "SELECT attributes ->> '$.**.a' FROM spans"),
    (8, "SELECT json_extract(attributes, '$.' || '.*') FROM spans"),
    (21, "SELECT '$..*' AS p, attributes -> p FROM spans"),
    (8, "SELECT json_extract(attributes, ['$.a', '$..*']) FROM spans"),
    (8, "SELECT json_keys(attributes, '$..*') FROM spans"),
    (8, "SELECT '" + "x" * 9000 + "' || name || name || name || name || name || name || name || name FROM spans"),
    # the rest of the grammar
    (8, "SELECT ?"),
    (8, "SELECT $1"),
    (8, "SELECT COLUMNS('.*') FROM spans"),
    (16, "SELECT COLUMNS(*) FROM spans"),
    (8, "SELECT name COLLATE nocase FROM spans"),
    (14, "SELECT name::BLOB FROM spans"),
    (15, "SELECT * FROM spans TABLESAMPLE 10%"),
    (15, "SELECT * FROM spans AT (VERSION => 1)"),
    (21, "SELECT * FROM spans POSITIONAL JOIN calls"),
    (30, "SELECT (SELECT count(*) FROM pg_class)"),
    (15, "SELECT * FROM x, (WITH x AS (SELECT 1) SELECT * FROM x)"),
    (58, "SELECT " + "(" * 60 + "1" + ")" * 60),
    (8, "SELECT " + "- " * 3000 + "1"),
    (8, "SELECT " + "+" * 3000),
]
WRONG = [
    (1, ""),
    (1, "-- nothing"),
    (1, ";"),
    (1, "SELEC 1"),
    (1, "SELECT"),
    (8, "SELECT 'unterminated"),
    (8, "SELECT missing FROM spans"),
    (13, "SELECT 'é', missing FROM spans"),
    (28, "SELECT count(*) FROM spans HAVING"),
    (1, "SELECT \0"),
    (1, "SELECT '\ud800'"),
    (1, "SELECT name::BIGINT FROM spans"),
]


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with store_in(tmp_path) as opened:
        await ingest(opened, *(span(number, start=START + number, name="a" * 200) for number in range(1, 100)))
        yield opened


def place_of(fault: InvalidRequest) -> tuple[str, int]:
    """The type of a refusal, and its column."""
    [problem] = fault.problems
    *where, column = problem.location
    assert where == ["body", "sql"]
    assert problem.message.startswith(f"Column {column}: ")
    return problem.type, int(column)


async def refused(bus: Bus, sql: str) -> tuple[str, int]:
    with pytest.raises(InvalidRequest) as fault:
        await bus.ask(QuerySql(sql=sql))
    return place_of(fault.value)


def test_what_is_not_allowed_is_refused() -> None:
    assert len(FORBIDDEN) >= 60
    found = []
    with sandbox.opened() as connection:
        for _, sql in FORBIDDEN:
            with pytest.raises(InvalidRequest) as fault:
                check(sql, parse(connection, sql))
            found.append((sql, *place_of(fault.value)))
    assert found == [(sql, "sql_forbidden", column) for column, sql in FORBIDDEN]


@pytest.mark.parametrize("place", range(0, len(FORBIDDEN), 12))
async def test_what_is_not_allowed_does_not_run(bus: Bus, place: int) -> None:
    column, sql = FORBIDDEN[place]
    assert await refused(bus, sql) == ("sql_forbidden", column)


async def test_what_is_no_statement_is_an_error(bus: Bus) -> None:
    found = [(sql, *await refused(bus, sql)) for _, sql in WRONG]
    assert found == [(sql, "sql_error", column) for column, sql in WRONG]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM spans a, spans b, spans c, spans d, spans e, spans f, spans g",
        "SELECT count(*) FROM spans a JOIN spans b ON a.name < b.name || 'x' JOIN spans c ON true JOIN spans d ON true",
        "SELECT max(md5(a.name || b.name || c.name || d.name)) FROM spans a, spans b, spans c, spans d, spans e",
        "SELECT * FROM spans a, spans b, spans c, spans d WHERE a.name || b.name || c.name = d.span_id",
        "SELECT count(*) FROM spans a, spans b, spans c, spans d WHERE regexp_matches(a.name || b.name, '(a|aa)+$')",
        "SELECT (SELECT count(*) FROM spans b, spans c, spans d, spans e WHERE b.name >= a.name) FROM spans a",
        "SELECT count(*) FROM (SELECT 1 FROM spans a, spans b, spans c, spans d, spans e UNION ALL SELECT 2)",
    ],
)
async def test_what_takes_too_long_is_interrupted(bus: Bus, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setattr(answer, "SECONDS", 0.05)
    with pytest.raises(DeadlineExceeded):
        await bus.ask(QuerySql(sql=sql))


async def test_what_nobody_waits_for_any_more_is_interrupted(bus: Bus) -> None:
    """Four statements of minutes each, given up one after the other: two threads would be taken by the first two."""
    sql = "SELECT count(*) FROM spans a, spans b, spans c, spans d, spans e, spans f, spans g"
    for _ in range(4):
        with pytest.raises(StudioError):
            await bus.ask(QuerySql(sql=sql), timeout=0.05)
    assert (await bus.ask(QuerySql(sql="SELECT count(*) FROM spans"))).table.to_pydict() == {"count_star()": [99]}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.name, b.name FROM spans a, spans b, spans c, spans d ORDER BY md5(a.span_id || d.span_id)",
        "SELECT list(a.name || b.name) FROM spans a, spans b, spans c",
        "SELECT string_agg(a.name || b.name, ',') FROM spans a, spans b, spans c",
        "SELECT count(DISTINCT a.span_id || b.span_id || c.span_id) FROM spans a, spans b, spans c",
        "SELECT a.span_id, b.span_id, c.span_id, count(*) FROM spans a, spans b, spans c GROUP BY ALL",
        "SELECT sum(a.duration_ns) OVER (ORDER BY a.name || c.span_id) FROM spans a, spans b, spans c",
        "SELECT median(a.duration_ns + c.duration_ns) FROM spans a, spans b, spans c, spans d",
        "SELECT a.name || b.name || c.name || d.name FROM spans a, spans b, spans c, spans d",
    ],
)
async def test_what_takes_too_much_memory_ends(bus: Bus, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setitem(sandbox._CONFIG, "memory_limit", "24MB")
    monkeypatch.setattr(sandbox, "MOST_BYTES", 4 * 1024 * 1024)
    with pytest.raises(TooLarge):
        await bus.ask(QuerySql(sql=sql, limit=100_000))
    assert len((await bus.ask(SearchSpans(limit=10))).spans) == 10


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'other.duckdb' AS other",
        "COPY (SELECT 1) TO 'out.csv'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "EXPORT DATABASE 'all'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET threads = 64",
        "SET temp_directory = '/tmp'",
        "RESET lock_configuration",
        "SELECT * FROM rows_of_python",
    ],
)
def test_the_sandbox_holds_by_itself(sql: str) -> None:
    """Also what would come past the look at the statement reaches nothing."""
    rows_of_python = [1]  # noqa: F841 - DuckDB would find it by its name
    with sandbox.opened() as connection:
        sandbox.fill(connection, {}, iter(()))
        with pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()


ALLOWED = [
    "SELECT attributes -> 'a' -> 0, attributes ->> '$.a[*]', attributes -> '/a/b', attributes ->> 'a.b' FROM spans",
    "SELECT json_extract(attributes, ['$.a', '$.b']), json_keys(attributes), json_type(attributes, '$.a') FROM spans",
    "SELECT name ~ '^a{1,3}$', regexp_extract(name, '(a)(b)?', 1), name SIMILAR TO 'a+', name GLOB 'a*' FROM spans",
    "SELECT name || ' ' || service || '/' || span_id, concat(name, 1, true), replace(name, 'a', 'bc') FROM spans",
    "SELECT * EXCLUDE (attributes) REPLACE (upper(name) AS name) FROM spans ORDER BY ALL",
    "SELECT service, name, count(*), grouping(service) FROM spans GROUP BY GROUPING SETS ((service), (name), ())",
    "SELECT DISTINCT ON (service) service, name FROM spans ORDER BY service, start_time DESC",
    "SELECT sum(duration_ns) OVER w, lag(name) OVER w FROM spans WINDOW w AS (PARTITION BY trace_id ORDER BY name)",
    "SELECT name FROM spans QUALIFY row_number() OVER (PARTITION BY service ORDER BY start_time) = 1",
    "FROM spans SELECT name WHERE status <> 'error' LIMIT 10 PERCENT",
    "TABLE traces",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT x FROM (VALUES (1), (2)) AS v(x) WHERE x IN (SELECT 1 UNION SELECT 2)",
    "WITH a AS MATERIALIZED (SELECT 1 AS n), b AS (SELECT n + 1 AS n FROM a) SELECT * FROM a, b",
    "WITH spans AS (SELECT 1 AS n) SELECT n FROM spans",
    "SELECT s, s.name FROM spans s",
    "SELECT a.name, t.span_count FROM spans a LEFT JOIN traces t USING (trace_id) FULL JOIN calls c USING (span_id)",
    "SELECT a.name, c.name FROM spans a ASOF JOIN calls c ON a.start_time >= c.start_time",
    "SELECT * FROM spans NATURAL JOIN calls",
    "SELECT name FROM spans s, LATERAL (SELECT count(*) AS n FROM calls c WHERE c.trace_id = s.trace_id)",
    "SELECT CASE WHEN status = 'ok' THEN 1 ELSE try_cast(name AS INTEGER) END, coalesce(model, 'none') FROM spans",
    "SELECT time_bucket(INTERVAL 5 MINUTE, start_time), date_trunc('day', start_time), epoch_ns(start_time) FROM spans",
    "SELECT strftime(start_time, '%Y-%m'), dayname(start_time), start_time AT TIME ZONE 'Europe/Berlin' FROM spans",
    "SELECT count(*) FROM spans WHERE start_time BETWEEN '2023-01-01' AND now() AND start_time > today() - 10000",
    "SELECT quantile_cont(duration_ns, [0.5, 0.9]), approx_quantile(duration_ns, 0.5), list(name) FROM calls",
    "SELECT arg_max(name, duration_ns), any_value(model), string_agg(DISTINCT service), median(duration_ns) FROM spans",
    "SELECT [1, 2][1], {'a': 1}.a, (1, 2), -1, NOT true, 2 ** 3, 7 // 2, 7 % 2, 1e3, 0x10, 'it''s', $$text$$, NULL",
    "SELECT services[1], len(models), list_contains(tools, 'refund') FROM traces",
    "SELECT 1; -- the end",
    "/* first */ SELECT 1 /* last */",
    'SELECT 1 AS "a b", 2 AS "a b"',
    "SELECT value, word FROM scores",
    "SELECT body ->> 'text', severity FROM logs WHERE severity_number >= 17",
]


async def test_what_is_honest_runs(bus: Bus) -> None:
    for sql in ALLOWED:
        found = await bus.ask(QuerySql(sql=sql, limit=5))
        assert found.table.num_columns == len(found.columns)
        assert found.table.num_rows <= 5


def test_time_goes_on_where_a_statement_is_run_again() -> None:
    """A segment that is replaced meanwhile is looked for again, and the time for that is what is left."""
    watch = Watch(0.01)
    for _ in range(2):
        with (
            sandbox.opened() as connection,
            watch.watching(),
            watch.over(connection),
            pytest.raises(duckdb.InterruptException),
        ):
            connection.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b").fetchall()


async def test_large_spans_are_read_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MOST_AT_ONCE", 64 * 1024)
    said = {"text": "x" * 30_000}
    sql = "SELECT sum(length(attributes ->> 'text')) FROM spans"
    async with store_in(tmp_path) as bus:
        await ingest(bus, *(span(number, attributes=said) for number in range(1, 30)))
        assert (await bus.ask(QuerySql(sql=sql))).table.column(0).to_pylist() == [29 * 30_000]
        monkeypatch.setattr(bodies, "_LARGE", 1024)
        monkeypatch.setattr(bodies, "_MOST_LARGE", 200_000)
        with pytest.raises(TooLarge):
            await bus.ask(QuerySql(sql=sql))
        assert (await bus.ask(QuerySql(sql=f"{sql} WHERE span_id < '{4:016x}'"))).table.num_rows == 1


async def test_damage_costs_only_the_rows_of_its_segment(tmp_path: Path) -> None:
    sql = "SELECT count(*), count(attributes), count(resource), count(output_preview), count(name) FROM spans"
    said = {"openinference.span.kind": "LLM", "output.value": "said"}
    async with store_in(tmp_path, SEALED_AT_ONCE) as bus:
        for number in (1, 2):
            await ingest(bus, span(number, attributes=said))
            await state_when(bus, all_sealed)
    [first, _] = sorted((tmp_path / "traces.segments").iterdir())
    first.write_bytes(b"damaged")
    async with store_in(tmp_path) as bus:
        found = (await bus.ask(QuerySql(sql=sql))).table.to_pylist()
        assert [tuple(row.values()) for row in found] == [(2, 1, 1, 1, 2)]
