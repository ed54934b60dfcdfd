// @ts-check
import { criticalPath } from "../../../transports/http/console/model/critical_path.js";
import { codeOf, groupsOf, shownRows } from "../../../transports/http/console/model/folding.js";
import { ancestors, childrenOf, readOutline } from "../../../transports/http/console/model/outline.js";
import { equal, ok } from "./assert.js";

/** @typedef {{ parent?: number, start?: number, took?: number | null, name?: string, failed?: boolean, errors?: number }} Row */

/** An outline as the API gives it. @param {Row[]} rows */
function outlineOf(rows) {
  const names = [...new Set(rows.map(({ name }) => name ?? "span"))];
  return readOutline({
    count: rows.length,
    dictionaries: {
      name: names,
      service: ["shop"],
      type: ["llm"],
      model: [],
      status: ["unset", "ok", "error"],
    },
    columns: {
      span_id: rows.map((_, row) => row.toString(16).padStart(16, "0")),
      parent: rows.map(({ parent = -1 }) => parent),
      start_us: rows.map(({ start = 0 }) => start),
      duration_us: rows.map(({ took = 10 }) => took),
      name: rows.map(({ name = "span" }) => names.indexOf(name)),
      service: rows.map(() => 0),
      type: rows.map(() => -1),
      model: rows.map(() => -1),
      status: rows.map(({ failed }) => (failed ? 2 : 0)),
      input_tokens: rows.map(() => null),
      output_tokens: rows.map(() => 3),
      cost_usd: rows.map(() => null),
      counted: rows.map(() => false),
      errors: rows.map(({ errors = 0 }) => errors),
      events: rows.map(() => 0),
    },
  });
}

const all = {
  folded: new Set(/** @type {number[]} */ ([])),
  opened: new Set(/** @type {number[]} */ ([])),
};
/** @param {ReturnType<typeof outlineOf>} outline */
const shown = (outline, { folded, opened } = all) => shownRows(outline, groupsOf(outline), folded, opened);

Deno.test("rows are read as a tree, children in the order of their starts", () => {
  const outline = outlineOf([{}, { parent: 0, start: 1 }, {
    parent: 0,
    start: 2,
    failed: true,
  }, {
    parent: 1,
    start: 3,
  }, { start: 4 }]);
  equal([...outline.order], [0, 1, 3, 2, 4]);
  equal([...outline.depth], [0, 1, 1, 2, 0]);
  equal([...outline.size], [4, 2, 1, 1, 1]);
  equal([...outline.failures], [1, 0, 1, 0, 0]);
  equal(childrenOf(outline, 0), [1, 2]);
  equal(ancestors(outline, 3), [3, 1, 0]);
  equal(outline.rowOf.get("0000000000000003"), 3);
});

Deno.test("a parent that is elsewhere, or a ring, makes a root and loses nothing", () => {
  const outline = outlineOf([
    { parent: -2 },
    { parent: 3, start: 1 },
    { parent: 2, start: 2 },
    { parent: 1, start: 3 },
    { parent: 99 },
  ]);
  equal([...outline.order].sort(), [0, 1, 2, 3, 4]);
  equal(outline.parent[0], -1);
  equal(outline.parent[2], -1);
  equal(outline.parent[4], -1);
  ok(
    outline.parent[1] === -1 || outline.parent[3] === -1,
    "one of the ring to be a root",
  );
});

Deno.test("what runs lasts as long as the trace is known to, and nothing lasts less than no time", () => {
  const outline = outlineOf([{ took: 100 }, {
    parent: 0,
    start: 20,
    took: null,
  }, { parent: 0, start: 30, took: -5 }]);
  equal(outline.length, 100);
  equal([...outline.end], [100, 100, 30]);
  equal([outline.running(1), outline.running(2)], [true, false]);
});

Deno.test("a chain of 200,000 spans is read, and so is a fan of as many", () => {
  const chain = outlineOf(
    Array.from(
      { length: 200_000 },
      (_, row) => ({ parent: row - 1, start: row }),
    ),
  );
  equal(chain.order[199_999], 199_999);
  equal(chain.size[0], 200_000);
  const fan = outlineOf(
    Array.from(
      { length: 200_000 },
      (_, row) => ({ parent: row ? 0 : -1, start: row }),
    ),
  );
  equal(shown(fan), [0, codeOf(0)]);
  equal(
    shown(fan, { folded: new Set(), opened: new Set([0]) }).length,
    200_001,
  );
});

Deno.test("a folded row hides all that is below it", () => {
  const outline = outlineOf([{}, { parent: 0 }, { parent: 1 }, { parent: 0 }]);
  equal(shown(outline), [0, 1, 2, 3]);
  equal(shown(outline, { folded: new Set([1]), opened: new Set() }), [0, 1, 3]);
  equal(shown(outline, { folded: new Set([0]), opened: new Set() }), [0]);
});

Deno.test("many siblings of one name are a group, which tells of the failures in it", () => {
  const rows = Array.from(
    { length: 30 },
    (_, row) => ({
      parent: 0,
      start: row * 10,
      name: "retrieve",
      failed: row === 7,
    }),
  );
  const outline = outlineOf([{ name: "agent", took: 900 }, ...rows, {
    parent: 0,
    start: 400,
    name: "answer",
  }]);
  const [group] = groupsOf(outline).groups;
  equal([
    group?.rows.length,
    group?.failures,
    group?.total,
    group?.start,
    group?.end,
  ], [30, 1, 300, 0, 300]);
  equal(shown(outline), [0, codeOf(0), 31]);
});

Deno.test("the critical path goes back from the end over what was waited for", () => {
  const outline = outlineOf([
    { took: 100 },
    { parent: 0, start: 0, took: 40 },
    { parent: 0, start: 5, took: 20 },
    { parent: 0, start: 40, took: 60 },
    { parent: 3, start: 50, took: 50 },
    { parent: 3, start: 60, took: 200 },
  ]);
  equal([...criticalPath(outline)].sort(), [0, 1, 3, 4]);
  equal([...criticalPath(outlineOf([]))], []);
});

Deno.test("a span that seems to end a moment after its parent is waited for, with all that is below it", () => {
  const outline = outlineOf([
    { took: 100 },
    { parent: 0, start: 10, took: 91 },
    { parent: 1, start: 20, took: 82 },
  ]);
  equal([...criticalPath(outline)].sort(), [0, 1, 2]);
});
