// @ts-check
import {
  areaOf,
  areaTerms,
  boxOf,
  columnTime,
  durationBound,
  isoOf,
  labelledRows,
  mostOf,
  nanoseconds,
} from "../../../transports/http/console/model/heat_cells.js";
import { equal, ok } from "./assert.js";

const map = {
  x: {
    from: "2026-11-30T07:00:00.000000001Z",
    step_ns: 1_800_000_000_000,
    count: 2,
  },
  y: { field: "duration", edges: [1_000_000, 31_622_777, 1_000_000_001] },
  counts: [[12, 3], [9, 0]],
  errors: [[0, 2], [1, 0]],
};

Deno.test("times keep their nanoseconds", () => {
  for (
    const iso of [
      "2026-11-30T07:00:00.123456789Z",
      "1969-12-31T23:59:59.000000001Z",
      "2026-11-30T07:00:00.000000000Z",
    ]
  ) {
    equal(isoOf(nanoseconds(iso)), iso);
  }
  equal(
    isoOf(nanoseconds("2026-11-30T07:00:00Z")),
    "2026-11-30T07:00:00.000000000Z",
  );
  equal(columnTime(map, 1), "2026-11-30T07:30:00.000000001Z");
});

Deno.test("an area has what its cells have", () => {
  const all = areaOf(map, boxOf({ column: 1, row: 0 }, { column: 0, row: 1 }));
  equal([all.count, all.errors, all.low, all.high], [
    24,
    3,
    1_000_000,
    1_000_000_001,
  ]);
  equal([all.from, all.to], [
    "2026-11-30T07:00:00.000000001Z",
    "2026-11-30T08:00:00.000000001Z",
  ]);
  equal(
    areaOf(map, boxOf({ column: 0, row: 1 }, { column: 0, row: 1 })).count,
    3,
  );
  equal(mostOf(map), 12);
  ok(areaTerms(all).endsWith("duration:[1ms TO 1.01s]"), areaTerms(all));
});

Deno.test("bounds of durations leave nothing out", () => {
  equal([durationBound(31_622_777, false), durationBound(31_622_777, true)], [
    "31.6ms",
    "31.7ms",
  ]);
  equal([
    durationBound(0, false),
    durationBound(999, true),
    durationBound(7_200e9, true),
  ], ["0ns", "999ns", "2h"]);
  equal([durationBound(123_456, false), durationBound(123_456, true)], [
    "123us",
    "124us",
  ]);
  equal(durationBound(5_999_999_999_999, true), "1.67h");
});

Deno.test("few rows have labels, the lowest always", () => {
  equal(labelledRows(map, 3), [0, 1, 2]);
  equal(
    labelledRows({
      ...map,
      y: {
        field: "duration",
        edges: Array.from({ length: 31 }, (_, i) => i),
      },
    }, 4),
    [
      0,
      10,
      20,
      30,
    ],
  );
  equal(labelledRows({ ...map, y: { field: "duration", edges: [] } }, 4), []);
});
