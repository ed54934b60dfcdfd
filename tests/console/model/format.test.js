// @ts-check
import {
  bytesText,
  clockText,
  counted,
  countText,
  dayText,
  durationText,
  moneyText,
  nanosBetween,
  sizeOf,
  tokensText,
} from "../../../transports/http/console/model/format.js";
import { leaps } from "../../../transports/http/console/model/leaps.js";
import { safeHref } from "../../../transports/http/console/model/links.js";
import { linePath, named, stacked, ticks } from "../../../transports/http/console/model/scales.js";
import { equal, ok } from "./assert.js";

Deno.test("durations are in the unit that fits", () => {
  const texts = [0, 999, 1500, 812_000_000, 2_310_000_000, 184e9, 7200e9, null]
    .map((ns) => durationText(ns));
  equal(texts, [
    "0 ns",
    "999 ns",
    "1.5 µs",
    "812 ms",
    "2.31 s",
    "3.07 m",
    "2 h",
    "",
  ]);
});

Deno.test("what is rounded up to the next unit is in that unit", () => {
  const texts = [999_600, 999_900_000, 59_990_000_000, 3_599_900_000_000].map((
    ns,
  ) => durationText(ns));
  equal(texts, ["1 ms", "1 s", "1 m", "1 h"]);
  equal([bytesText(1024 ** 2 - 1), bytesText(3 * 1024 ** 3)], [
    "1.0 MB",
    "3.0 GB",
  ]);
  equal(sizeOf("a🎉"), 5);
});

Deno.test("money that is not known is no money, and the least is not nothing", () => {
  equal([null, 0, 0.00001, 0.0031, 12].map((usd) => moneyText(usd)), [
    "",
    "$0.00",
    "<$0.0001",
    "$0.0031",
    "$12.00",
  ]);
  equal([tokensText(null), tokensText({ input: 1200, output: null })], [
    "",
    "1,200 → –",
  ]);
  equal([bytesText(12), bytesText(16_384), bytesText(2_097_152)], [
    "12 B",
    "16 KB",
    "2.0 MB",
  ]);
  equal([counted(1, "span"), counted(2000, "span")], ["1 span", "2,000 spans"]);
});

Deno.test("nanoseconds between two times are exact", () => {
  equal(
    nanosBetween(
      "2026-11-30T07:00:00.123456789Z",
      "2026-11-30T07:00:01.123456790Z",
    ),
    1_000_000_001,
  );
  equal(
    nanosBetween("2026-11-30T07:00:00Z", "2026-11-30T07:00:00.000000001Z"),
    1,
  );
});

Deno.test("only http and https are links", () => {
  equal(safeHref("https://example.com/a b"), "https://example.com/a%20b");
  for (
    const text of [
      "javascript:alert(1)",
      " javascript:alert(1)",
      "data:text/html,x",
      "ftp://x",
      "/console",
      "",
    ]
  ) {
    equal(safeHref(text), null);
  }
});

Deno.test("an axis has round numbers up to the most", () => {
  equal(ticks(127), [0, 50, 100, 150]);
  equal([ticks(2, { whole: true }), ticks(9, { whole: true })], [[0, 1, 2], [0, 5, 10]]);
  equal(ticks(0.0007), [0, 0.0002, 0.0004, 0.0006, 0.0008]);
  equal([ticks(0), ticks(Number.NaN), ticks(Infinity)], [[0, 1], [0, 1], [
    0,
    1,
  ]]);
  for (const most of [1, 3, 9.99, 1e9, 1e-9]) {
    const marks = ticks(most);
    ok(
      (marks.at(-1) ?? 0) >= most && marks.length <= 6,
      `few marks over ${most}`,
    );
  }
  equal(named(96), [0, 20, 40, 60, 80]);
});

Deno.test("bars stand on each other, and lines break where nothing is known", () => {
  equal(stacked([[1, 2], [null, 3]]), [[0, 0], [1, 2], [1, 5]]);
  equal(
    linePath([1, 2, null, 3], (point) => point, (value) => value),
    "M0.0 1.0L1.0 2.0M3.0 3.0",
  );
});

Deno.test("a turn leaps when it costs or takes twice as much as the one before, and not for a trifle", () => {
  const turn = (
    /** @type {string} */ trace_id,
    /** @type {number | null} */ cost_usd,
    /** @type {number} */ duration_ns,
  ) => ({ trace: { trace_id, cost_usd, duration_ns } });
  const found = leaps([
    turn("a", 0.01, 1e9),
    turn("b", 0.05, 1e9),
    turn("c", 0.05, 5e9),
    turn("d", null, 5e9),
    turn("e", 0.00001, 1e6),
    turn("f", 0.0001, 9e6),
  ]);
  equal([...found], [["b", "cost ×5"], ["c", "time ×5"]]);
});

Deno.test("counts and times are read at a glance", () => {
  equal([0, 999, 1000, 1234567, -1000, null].map((count) => countText(count)), [
    "0",
    "999",
    "1,000",
    "1,234,567",
    "-1,000",
    "",
  ]);
  const time = new Date(2026, 11, 1, 3, 4, 5);
  equal(clockText(time), "03:04:05");
  equal([dayText(time, new Date(2026, 0, 1)), dayText(time, new Date(2027, 0, 1))], ["Dec 1", "Dec 1, 2026"]);
});
