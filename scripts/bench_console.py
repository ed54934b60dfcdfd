"""How fast is the console, for whoever looks at it in a browser?

A studio in a process of its own has the spans of ``--stored`` and two large traces; Chromium, each time with a fresh
profile, opens pages cold. Times are from the call to open the page until what is named is there; the studio's own work
is in them. A line of 100 ms and 10 Mbit/s and a processor that is four times slower are made by the browser. With
``--phoenix PROGRAM`` an empty Phoenix is opened in turn with the studio.

Run from the repository: ``uv run python -m scripts.bench_console``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from playwright.sync_api import Browser, Page

from scripts.load.figures import head, percentile, row, spread
from scripts.load.files import wait_for_files
from scripts.load.machine import machine
from scripts.load.own_browser import address, own_browser, visit
from scripts.load.own_studio import OwnStudio
from scripts.load.phoenix import OwnPhoenix
from scripts.load.traffic import Traffic

LIST, ROWS = ".trace-list-row", "water-fall .windowed-row"
SLOW_LINE = {"offline": False, "latency": 100, "downloadThroughput": 1_250_000, "uploadThroughput": 1_250_000}
SLOWER = 4
KEYS = 40
A_REQUEST = 5_000  # spans of a large trace
START = 1_764_500_000_000_000_000
Measure = Callable[[Browser, OwnStudio], float]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stored", type=int, default=1_000_000, help="spans that the list is of")
    parser.add_argument("--large", type=int, nargs=2, default=(20_000, 200_000), help="spans of the two large traces")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--phoenix", type=Path, help="its executable, which is asked in the same run")
    chosen = parser.parse_args(arguments)
    print(f"{machine()}; {chosen.stored:,} spans stored; {chosen.runs} runs\n")
    with tempfile.TemporaryDirectory() as folder, OwnStudio(Path(folder) / "data") as studio:
        fill(studio, studio.sign_up(), chosen.stored, chosen.large)
        wait_for_files(Path(folder) / "data")  # or the studio would still be busy with what came
        measure_all(studio, chosen.runs, measures(chosen.large), Path(folder), chosen.phoenix)
    return 0


def fill(studio: OwnStudio, key: str, stored: int, large: Sequence[int]) -> None:
    def send(body: bytes) -> None:
        headers = {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"}
        if studio.call("POST", "/v1/traces", body, headers).status != 200:
            raise AssertionError("the studio refuses spans")

    for payload in Traffic().of_the_past(stored, 24 * 3600):
        send(payload.body)
    for count in large:
        for begin in range(0, count, A_REQUEST):
            send(part_of(count, begin))


def trace_of(count: int) -> str:
    return f"{count:032x}"


def part_of(count: int, begin: int) -> bytes:
    """A part of a trace whose spans have six children each."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.extend(
        Span(
            trace_id=bytes.fromhex(trace_of(count)),
            span_id=(number + 1).to_bytes(8, "big"),
            parent_span_id=((number - 1) // 6 + 1).to_bytes(8, "big") if number else b"",
            name=f"step {number % 97}",
            start_time_unix_nano=START + number * 1000,
            end_time_unix_nano=START + (count + 1) * 1000,
        )
        for number in range(begin, min(count, begin + A_REQUEST))
    )
    return request.SerializeToString()


def measures(large: Sequence[int]) -> dict[str, Measure]:
    """What is measured, by what a table calls it; in milliseconds but for counts and frames."""
    pages = {f"trace of {count:,} spans, ms": opened(f"traces/{trace_of(count)}", ROWS) for count in large}
    biggest = f"traces/{trace_of(large[0])}"
    return {
        "trace list, first paint, ms": first_paint,
        "trace list, rows, ms": opened("traces", LIST),
        "the same at 100 ms and 10 Mbit/s, ms": opened("traces", LIST, slow_line),
        "the same, processor four times slower, ms": opened("traces", LIST, slow_processor),
        **pages,
        "nodes of the document with the trace": nodes(biggest),
        "heap with the trace, MB": heap(biggest),
        "scrolling a frame at a time, longest frame, ms": frames(biggest, 160),
        "scrolling 100 rows a frame, longest frame, ms": frames(biggest, 3_200),
        "key to painted selection, p95, ms": keys(biggest),
    }


def measure_all(studio: OwnStudio, runs: int, measured: dict[str, Measure], folder: Path, phoenix: Path | None) -> None:
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        browser = stack.enter_context(own_browser())
        beside = stack.enter_context(OwnPhoenix(phoenix, folder / "phoenix")) if phoenix else None
        for _ in range(runs):
            for name, measure in measured.items():
                found.setdefault(name, []).append(measure(browser, studio))
            if beside is not None:
                found.setdefault("Phoenix, empty, first paint, ms", []).append(paint_of(browser, beside.address))
    print(head("what", "median (least to most)"))
    for name, values in found.items():
        print(row(name, spread(values, ",.1f")))


def slow_line(page: Page) -> None:
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_LINE)


def slow_processor(page: Page) -> None:
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def opened(path: str, there: str, before: Callable[[Page], None] | None = None) -> Measure:
    """How long until something is there."""

    def measure(browser: Browser, studio: OwnStudio) -> float:
        with visit(browser, studio) as page:
            if before is not None:
                before(page)
            begin = time.perf_counter()
            page.goto(address(studio, path), wait_until="commit")
            page.locator(there).first.wait_for()
            return (time.perf_counter() - begin) * 1000

    return measure


_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def first_paint(browser: Browser, studio: OwnStudio) -> float:
    with visit(browser, studio) as page:
        page.goto(address(studio, "traces"))
        page.locator(LIST).first.wait_for()
        return float(page.evaluate(_PAINT))


def paint_of(browser: Browser, url: str) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.wait_for_load_state("networkidle")
    found = float(page.evaluate(_PAINT))
    context.close()
    return found


def nodes(path: str) -> Measure:
    def measure(browser: Browser, studio: OwnStudio) -> float:
        with visit(browser, studio) as page:
            page.goto(address(studio, path))
            page.locator(ROWS).first.wait_for()
            return float(page.evaluate("document.querySelectorAll('*').length"))

    return measure


def heap(path: str) -> Measure:
    def measure(browser: Browser, studio: OwnStudio) -> float:
        with visit(browser, studio) as page:
            session = page.context.new_cdp_session(page)
            page.goto(address(studio, path))
            page.locator(ROWS).first.wait_for()
            session.send("HeapProfiler.collectGarbage")
            return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    return measure


_FRAMES = """async (by) => {
  const rows = document.querySelector('water-fall windowed-rows');
  let longest = 0, before = performance.now();
  for (let frame = 0; frame < 60; frame++) {
    rows.scrollTop += by;
    const now = await new Promise(requestAnimationFrame);
    if (frame) longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}"""


def frames(path: str, by: int) -> Measure:
    """The longest of sixty frames in each of which so many pixels are scrolled."""

    def measure(browser: Browser, studio: OwnStudio) -> float:
        with visit(browser, studio) as page:
            page.goto(address(studio, path))
            page.locator(ROWS).first.wait_for()
            return float(page.evaluate(_FRAMES, by))

    return measure


_KEY = """async () => {
  const begin = performance.now();
  document.querySelector('main').dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}"""


def keys(path: str) -> Measure:
    def measure(browser: Browser, studio: OwnStudio) -> float:
        with visit(browser, studio) as page:
            page.goto(address(studio, path))
            page.locator(ROWS).first.wait_for()
            return percentile(sorted(float(page.evaluate(_KEY)) for _ in range(KEYS)), 0.95)

    return measure


if __name__ == "__main__":
    sys.exit(main())
