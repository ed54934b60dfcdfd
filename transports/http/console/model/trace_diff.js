// @ts-check
/** Two traces side by side: spans that stand at the same path, and those that are in one of them alone. */
import { childrenOf } from "./outline.js";

/** @typedef {import("./outline.js").Outline} Outline */
/** @typedef {{ a: number, b: number, depth: number }} Pair rows, -1 where there is none */

const NOTICED = 0.2; // as a share of the longer one: what differs by less is alike

/**
 * Pairs from above to below: below a pair, the n-th child of a name in one belongs to the n-th of that name in the other.
 * @param {Outline} one @param {Outline} two @returns {Pair[]}
 */
export function aligned(one, two) {
  const found = /** @type {Pair[]} */ ([]);
  const waiting = paired(one, two, roots(one), roots(two), 0).reverse();
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    found.push(pair);
    const below = paired(
      one,
      two,
      pair.a < 0 ? [] : childrenOf(one, pair.a),
      pair.b < 0 ? [] : childrenOf(two, pair.b),
      pair.depth + 1,
    );
    while (below.length) waiting.push(/** @type {Pair} */ (below.pop()));
  }
  return found;
}

/** @param {Outline} outline */
function roots({ parent, count }) {
  const found = [];
  for (let row = 0; row < count; row++) if (parent[row] === -1) found.push(row);
  return found;
}

/** @param {Outline} one @param {Outline} two @param {number[]} rows @param {number[]} others @param {number} depth @returns {Pair[]} */
function paired(one, two, rows, others, depth) {
  const byKey = new Map(keysOf(two, others).map((key, index) => [key, others[index] ?? -1]));
  const pairs = keysOf(one, rows).map((key, index) => {
    const b = byKey.get(key) ?? -1;
    byKey.delete(key);
    return { a: rows[index] ?? -1, b, depth };
  });
  return [...pairs, ...[...byKey.values()].map((b) => ({ a: -1, b, depth }))];
}

/** The name of each, and how many of that name are before it. @param {Outline} outline @param {number[]} rows */
function keysOf(outline, rows) {
  const seen = new Map(/** @type {[string, number][]} */ ([]));
  return rows.map((row) => {
    const name = outline.name(row);
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return `${before} ${name}`;
  });
}

/** Whether the two of a pair differ: one is missing, failed alone, took clearly longer, or took other tokens or money. @param {Outline} one @param {Outline} two @param {Pair} pair */
export function differs(one, two, { a, b }) {
  if (a < 0 || b < 0) return true;
  const [first, second] = [lasted(one, a), lasted(two, b)];
  const slower = Math.abs(first - second) > NOTICED * Math.max(first, second);
  const taken = (/** @type {Outline} */ outline, /** @type {number} */ row) =>
    [outline.cost(row), ...outline.tokens(row)].join();
  return slower || one.failed(a) !== two.failed(b) || taken(one, a) !== taken(two, b);
}

/** Microseconds. @param {Outline} outline @param {number} row */
export const lasted = ({ start, end }, row) => (end[row] ?? 0) - (start[row] ?? 0);
