// @ts-check
import { readOutline } from "../../../transports/http/console/model/outline.js";
import { aligned, differs } from "../../../transports/http/console/model/trace_diff.js";
import { equal } from "./assert.js";

/** @param {[name: string, parent: number, took?: number, failed?: boolean][]} rows */
function outlineOf(rows) {
  const names = [...new Set(rows.map(([name]) => name))];
  return readOutline({
    count: rows.length,
    dictionaries: { name: names, status: ["unset", "ok", "error"] },
    columns: {
      span_id: rows.map((_, row) => String(row)),
      parent: rows.map(([, parent]) => parent),
      start_us: rows.map((_, row) => row),
      duration_us: rows.map(([, , took = 10]) => took),
      name: rows.map(([name]) => names.indexOf(name)),
      status: rows.map(([, , , failed]) => (failed ? 2 : 0)),
      errors: rows.map(() => 0),
    },
  });
}

Deno.test("spans at the same path stand side by side, the rest alone", () => {
  const one = outlineOf([["agent", -1], ["chat", 0], ["tool", 0], ["chat", 0], [
    "inner",
    3,
  ]]);
  const two = outlineOf([
    ["agent", -1],
    ["chat", 0],
    ["chat", 0],
    ["inner", 1],
    ["extra", 0],
  ]);
  equal(aligned(one, two).map(({ a, b, depth }) => [a, b, depth]), [
    [0, 0, 0],
    [1, 1, 1],
    [-1, 3, 2],
    [2, -1, 1],
    [3, 2, 1],
    [4, -1, 2],
    [-1, 4, 1],
  ]);
});

Deno.test("a pair differs when one is missing, failed or clearly slower", () => {
  const one = outlineOf([["a", -1, 100], ["b", 0, 100], ["c", 0, 10, true]]);
  const two = outlineOf([["a", -1, 105], ["b", 0, 300], ["c", 0, 10]]);
  equal(aligned(one, two).map((pair) => differs(one, two, pair)), [
    false,
    true,
    true,
  ]);
  equal(differs(one, two, { a: 0, b: -1, depth: 0 }), true);
});

Deno.test("two chains and two fans of 20,000 spans are aligned", () => {
  const chain = outlineOf(
    Array.from(
      { length: 20_000 },
      (_, row) => /** @type {[string, number]} */ (["step", row - 1]),
    ),
  );
  equal(aligned(chain, chain).length, 20_000);
  const fan = outlineOf(
    Array.from(
      { length: 20_000 },
      (_, row) => /** @type {[string, number]} */ (["step", row ? 0 : -1]),
    ),
  );
  equal(aligned(fan, fan).filter(({ a, b }) => a === b).length, 20_000);
});

Deno.test("a pair differs when it took other tokens", () => {
  const one = outlineOf([["a", -1]]);
  const two = {
    ...outlineOf([["a", -1]]),
    tokens: () => /** @type {[number, number]} */ ([1, 2]),
  };
  equal(differs(one, two, { a: 0, b: 0, depth: 0 }), true);
});
