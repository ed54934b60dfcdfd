"""How long do lists, sums, values and sessions take with millions of spans, while more come in?

So many spans are stored, of twenty services, with times that go evenly through the last day (``--hours``). Each has
attributes of known rarity (``scripts.load.conversations.MARKS``): a value of one is in every tenth span, of another in
every thousandth, of a third in every hundred thousandth. Then spans of the present come in at a fixed rate, by clients
in a process of their own. At first nobody reads, which says what share of a core taking them in costs. Then one client
reads over a connection that stays open, each answer to its end; the kinds of read take turns, and each read draws its
filter anew: service, model, value. The first reads of a kind, which warm files and caches, do not count.

Beside it, in the same run and under the same load, plain DuckDB is asked the same of the spans as Parquet, exported
before: each question as one statement, by a connection with as many threads as there are cores. It does not count
each call once, so its sums are of all calls. With ``--phoenix`` (the executable of an Arize Phoenix that is installed
elsewhere: ``uv venv DIR``, ``uv pip install --python DIR/bin/python arize-phoenix``), that is asked over its own REST
what can be asked there, of the spans that it stores (``--phoenix-spans``), while nothing comes in to it.

A read that is refused or that takes longer than 30 seconds is counted as failed; a kind of read ends when its time is
up (``--seconds``). So the whole ends by itself. The exit code is 1 when a read failed.

Run from the repository: ``uv run python -m scripts.bench_queries``.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

import attrs
import duckdb

from scripts.load.conversations import MARKS, mark
from scripts.load.figures import head, milliseconds, percentiles, row
from scripts.load.machine import machine
from scripts.load.own_load import Load, OwnLoad
from scripts.load.own_studio import HOST, OwnStudio
from scripts.load.phoenix import OwnPhoenix
from scripts.load.senders import SENDERS
from scripts.load.sending import Sent, as_fast_as_acknowledged
from scripts.load.traffic import SERVICES, Traffic
from scripts.load.watching import Rest

OBSERVABILITY = "/api/v1/observability"
WARM_UP = 3  # reads of each kind
PIECE = 1024 * 1024  # bytes
MODELS = ("gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "gpt-4o-2024-08-06")
PROMOTED = ("service", "provider", "type", "finish_reason")
# Columns of an export by the names that filters have for them.
COLUMNS = {"service": "service_name", "session": "session_id"}
PHOENIX = "/v1/projects/default"
READ_HEAD = head(
    *("read", "goal p95 ms", "p50 ms", "p95 ms", "reads", "failed"),
    *("DuckDB p50 ms", "DuckDB p95 ms", "Phoenix p50 ms", "Phoenix p95 ms"),
)
TRACES = """
    SELECT trace_id, min(start_time_unix_nano) AS began, max(end_time_unix_nano), count(*), sum(input_tokens),
        sum(output_tokens), sum(cost_usd), count(*) FILTER (status_code = 2), list(DISTINCT model)
    FROM spans {where} GROUP BY trace_id ORDER BY began DESC LIMIT 50"""
SESSIONS = """
    SELECT session_id, min(start_time_unix_nano), max(end_time_unix_nano) AS ended, count(DISTINCT trace_id),
        sum(input_tokens), sum(cost_usd)
    FROM spans WHERE session_id IS NOT NULL GROUP BY 1 ORDER BY ended DESC LIMIT 50"""
SUMS = """
    SELECT {column}, {bucket} AS bucket, count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd),
        approx_quantile(end_time_unix_nano - start_time_unix_nano, [0.5, 0.9, 0.95, 0.99])
    FROM spans WHERE type IN ('llm', 'embedding') GROUP BY ALL"""
HOUR = 3_600_000_000_000  # nanoseconds


@attrs.frozen
class Question:
    """One question, as it is asked over REST, of DuckDB, and of Phoenix where that can be asked it."""

    path: str
    statement: str
    phoenix: str = ""


@attrs.frozen
class Timed:
    """How long each of several reads took, without those that failed."""

    seconds: list[float] = attrs.field(factory=list)
    failures: list[str] = attrs.field(factory=list)

    def once(self, ask: Callable[[], object]) -> None:
        began = time.perf_counter()
        try:
            ask()
        except (AssertionError, OSError, HTTPException, duckdb.Error) as fault:
            self.failures.append(str(fault))
        else:
            self.seconds.append(time.perf_counter() - began)

    def figures(self) -> tuple[str, str]:
        if not self.seconds:
            return "", ""
        p50, p95 = percentiles(self.seconds[WARM_UP:] or self.seconds, 0.5, 0.95)
        return milliseconds(p50), milliseconds(p95)


@attrs.frozen
class Read:
    """A kind of read, which draws a question anew each time."""

    name: str
    goal: int  # milliseconds, of the 95th percentile
    draw: Callable[[], Question]
    rest: Timed = attrs.field(factory=Timed)
    plain: Timed = attrs.field(factory=Timed)
    phoenix: Timed = attrs.field(factory=Timed)

    def row(self) -> str:
        counts = len(self.rest.seconds), len(self.rest.failures)
        return row(self.name, self.goal, *self.rest.figures(), *counts, *self.plain.figures(), *self.phoenix.figures())


def kinds() -> list[Read]:
    return [*lists(), *rare(), *sums()]


def lists() -> list[Read]:
    """Pages of traces by what is promoted."""

    def by_service() -> Question:
        service = random.choice(SERVICES)
        return listed({"service": service}, f"service_name = '{service}'")

    def by_status_and_model() -> Question:
        model = random.choice(MODELS)
        phoenix = f"{PHOENIX}/spans?limit=50&status_code=ERROR&attribute=llm.model_name:{model}"
        return listed({"q": f"status:error model:{model}"}, f"status_code = 2 AND model = '{model}'", phoenix)

    return [
        Read("traces", 50, lambda: listed({}, "", f"{PHOENIX}/traces?limit=50")),
        Read("traces of a service", 50, by_service),
        Read("traces by status and model", 50, by_status_and_model),
    ]


def rare() -> list[Read]:
    """The first page of traces by the value of an attribute."""

    def drawn(name: str, *, last_hour: bool) -> Callable[[], Question]:
        def draw() -> Question:
            value = mark(random.randrange(MARKS[name]))
            where = f"json_extract_string(attributes_json, '$.\"{name}\"') = '{value}'"
            since = f" AND start_time_unix_nano >= {time.time_ns() - HOUR}" if last_hour else ""
            query = {"q": f"attr.{name}:{value}"} | ({"from": "now-1h"} if last_hour else {})
            phoenix = "" if last_hour else f"{PHOENIX}/spans?limit=50&attribute={name}:{value}"
            return listed(query, where + since, phoenix)

        return draw

    return [
        Read(f"traces by an attribute of 1 span in {count:,}, {where}", goal, drawn(name, last_hour=goal < 1000))
        for where, goal in {"last hour": 150, "everything": 1000}.items()
        for name, count in MARKS.items()
    ]


def sums() -> list[Read]:
    """Sums, values and sessions of everything."""

    def by_promoted() -> Question:
        return summed(random.choice(PROMOTED))

    def values() -> Question:
        field = random.choice(("model", "service", "session", "type"))
        column = COLUMNS.get(field, field)
        statement = f"SELECT {column}, count(*) AS n FROM spans GROUP BY 1 ORDER BY n DESC LIMIT 50"
        return Question(f"{OBSERVABILITY}/values?{urlencode({'field': field})}", statement)

    return [
        Read("sums by model and hour", 300, lambda: summed("model")),
        Read("sums by another promoted field and hour", 500, by_promoted),
        Read("values of a field", 100, values),
        Read("sessions", 100, lambda: Question(f"{OBSERVABILITY}/sessions", SESSIONS, f"{PHOENIX}/sessions?limit=50")),
    ]


def listed(query: dict[str, str], where: str, phoenix: str = "") -> Question:
    inner = f"WHERE trace_id IN (SELECT trace_id FROM spans WHERE {where})" if where else ""
    return Question(f"{OBSERVABILITY}/traces?{urlencode(query)}", TRACES.format(where=inner), phoenix)


def summed(field: str) -> Question:
    path = f"{OBSERVABILITY}/stats?{urlencode({'group_by': field, 'interval': '1h'})}"
    return Question(path, SUMS.format(column=COLUMNS.get(field, field), bucket=f"start_time_unix_nano // {HOUR}"))


def in_turns(reads: Sequence[Read], ask: Callable[[Read], None], times: int, seconds: float) -> None:
    """Ask all kinds, which take turns; each ends when it has taken so many seconds."""
    spent = dict.fromkeys((each.name for each in reads), 0.0)
    for _ in range(WARM_UP + times):
        for each in reads:
            if spent[each.name] < seconds:
                began = time.perf_counter()
                ask(each)
                spent[each.name] += time.perf_counter() - began


def ask_studio(studio: OwnStudio, reads: Sequence[Read], options: argparse.Namespace) -> None:
    """Ask over one connection, and over a new one after a failure."""
    with ExitStack() as stack:
        rests = [stack.enter_context(closing(Rest(studio)))]

        def ask(read: Read) -> None:
            question, failed = read.draw(), len(read.rest.failures)
            read.rest.once(lambda: rests[-1].get(question.path))
            if len(read.rest.failures) > failed:
                rests.append(stack.enter_context(closing(Rest(studio))))

        in_turns(reads, ask, options.reads, options.seconds)


def ask_duckdb(spans: Path, reads: Sequence[Read], options: argparse.Namespace) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = '{spans.parent}'")  # by default the working folder
        connection.execute(f"CREATE VIEW spans AS SELECT * FROM read_parquet('{spans}')")

        def ask(read: Read) -> None:
            question = read.draw()
            read.plain.once(lambda: connection.execute(question.statement).fetchall())

        in_turns(reads, ask, options.duckdb_reads, options.seconds)


def ask_phoenix(folder: Path, reads: Sequence[Read], options: argparse.Namespace) -> str:
    """Store spans in a Phoenix of its own, and ask it; what to say of it."""
    with OwnPhoenix(options.phoenix, folder / "phoenix") as phoenix:
        traffic, began = Traffic(marked=True), time.perf_counter()
        for payload in traffic.of_the_past(options.phoenix_spans, options.hours * 3600):
            phoenix.send(payload)
        stored = phoenix.wait_for(options.phoenix_spans)
        rate = stored / (time.perf_counter() - began)

        def ask(read: Read) -> None:
            question = read.draw()
            if question.phoenix:
                read.phoenix.once(lambda: phoenix.get(question.phoenix))

        in_turns(reads, ask, options.reads, options.seconds)
    return f"Phoenix has {stored:,} spans, stored at {rate:,.0f} a second."


def exported(studio: OwnStudio, target: Path) -> str:
    """Write all spans to a Parquet file; what to say of it."""
    began = time.perf_counter()
    with closing(HTTPConnection(HOST, studio.http_port)) as connection, target.open("wb") as file:
        connection.request("GET", f"{OBSERVABILITY}/export?format=parquet", headers={"Cookie": studio.cookie})
        response = connection.getresponse()
        while piece := response.read(PIECE):
            file.write(piece)
    return f"Exported as {target.stat().st_size / 1e6:,.0f} MB of Parquet in {time.perf_counter() - began:.0f} s."


def fill(studio: OwnStudio, key: str, traffic: Traffic, options: argparse.Namespace) -> None:
    began = time.perf_counter()
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(SENDERS["http"](studio, key))) for _ in range(options.clients)]
        past = traffic.of_the_past(options.stored, options.hours * 3600)
        as_fast_as_acknowledged(clients, past, traffic.acknowledged)
    rate = traffic.spans / (time.perf_counter() - began)
    print(f"{traffic.spans:,} spans stored, {rate:,.0f} a second.", flush=True)


def share_of_ingest(studio: OwnStudio, options: argparse.Namespace) -> str:
    """What taking the spans in costs while nobody reads."""
    cpu, began = studio.cpu_seconds(), time.perf_counter()
    time.sleep(options.alone)
    share = (studio.cpu_seconds() - cpu) / (time.perf_counter() - began)
    return f"{options.rate:,.0f} spans/s come in, which takes {share:.0%} of a core while nobody reads."


def failures(reads: Sequence[Read]) -> Iterator[str]:
    for read in reads:
        for where, timed in {"": read.rest, "DuckDB, ": read.plain, "Phoenix, ": read.phoenix}.items():
            if timed.failures:
                yield f"{where}{read.name}: {timed.failures[0]}"


def measure(folder: Path, options: argparse.Namespace) -> Sequence[Read]:
    reads, traffic, spans = kinds(), Traffic(marked=True), folder / "spans.parquet"
    with OwnStudio(folder / "data") as studio:
        key = studio.sign_up()
        fill(studio, key, traffic, options)
        if options.duckdb_reads:
            print(exported(studio, spans), flush=True)
        load = Load.on(studio, key=key, protocol="http", clients=options.clients, rate=options.rate)
        with OwnLoad(attrs.evolve(load, marked=True)) as coming_in:
            print(share_of_ingest(studio, options), flush=True)
            ask_studio(studio, reads, options)
            memory, peak = studio.memory() / 1e6, studio.peak_memory() / 1e6
            if options.duckdb_reads:
                ask_duckdb(spans, reads, options)
    if options.phoenix:
        print(ask_phoenix(folder, reads, options), flush=True)
    print(f"\n{READ_HEAD}", *(each.row() for each in reads), sep="\n")
    print(f"\nMeanwhile {said_of(coming_in.outcome.sent)} RSS {memory:.0f} MB, at most {peak:.0f}.")
    return reads


def said_of(sent: Sent) -> str:
    [p99] = percentiles(sent.delays, 0.99)
    came = f"{len(sent.delays):,} requests came in, acknowledged after {milliseconds(p99)} ms (p99)"
    return f"{came}, {len(sent.refusals)} refused at first."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=5_000_000, help="spans")
    parser.add_argument("--hours", type=float, default=24, help="that these go back")
    parser.add_argument("--rate", type=float, default=10_000, help="spans a second that come in meanwhile")
    parser.add_argument("--clients", type=int, default=4, help="that send them")
    parser.add_argument("--alone", type=float, default=20, help="seconds of that before anybody reads")
    parser.add_argument("--reads", type=int, default=50, help="of each kind")
    parser.add_argument("--duckdb-reads", type=int, default=5, help="of each kind; 0: without DuckDB")
    parser.add_argument("--phoenix", type=Path, help="the executable of Phoenix, to ask it, too")
    parser.add_argument("--phoenix-spans", type=int, default=50_000, help="that it stores")
    parser.add_argument("--seconds", type=float, default=60, help="that one kind of read takes at most")
    parser.add_argument("--folder", type=Path, help="where the data folder is made; default: the temporary folder")
    options = parser.parse_args(arguments)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        reads = measure(Path(folder), options)
    failed = [*failures(reads)]
    print(*failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
