// @ts-check
/** Which rows of a trace are shown: those below folded ones are not, and many of one name are one row. */

/** @typedef {import("./outline.js").Outline} Outline */
/** @typedef {{ parent: number, name: string, rows: number[], start: number, end: number, failures: number, total: number }} Group `total`: microseconds of all of them */
/** @typedef {{ groups: Group[], of: Int32Array }} Groups `of` a row, -1 for none */

const MANY = 24; // siblings of one name that are one row at first

/** A group among rows: a number that no row has, nor -1 for none. @param {number} group @returns {number} and back */
export const codeOf = (group) => -2 - group;

/** Siblings of one name, where there are many. @param {Outline} outline @returns {Groups} */
export function groupsOf(outline) {
  const groups = /** @type {Group[]} */ ([]);
  const of = new Int32Array(outline.count).fill(-1);
  /** @type {Map<string, number[]>} */
  const siblings = new Map();
  for (let row = 0; row < outline.count; row++) {
    const key = `${outline.parent[row]} ${outline.name(row)}`;
    const known = siblings.get(key);
    if (known) known.push(row);
    else siblings.set(key, [row]);
  }
  for (const rows of siblings.values()) {
    if (rows.length < MANY) continue;
    for (const row of rows) of[row] = groups.length;
    groups.push(group(outline, rows));
  }
  return { groups, of };
}

/** @param {Outline} outline @param {number[]} rows @returns {Group} */
function group(outline, rows) {
  const [first] = /** @type {[number]} */ (/** @type {unknown} */ (rows));
  const made = {
    parent: outline.parent[first] ?? -1,
    name: outline.name(first),
    rows,
    start: Infinity,
    end: 0,
    failures: 0,
    total: 0,
  };
  for (const row of rows) {
    const [start, end] = [outline.start[row] ?? 0, outline.end[row] ?? 0];
    made.start = Math.min(made.start, start);
    made.end = Math.max(made.end, end);
    made.total += end - start;
    made.failures += outline.failures[row] ?? 0;
  }
  return made;
}

/**
 * What is shown, from above to below: rows, and groups by their codes.
 * @param {Outline} outline @param {Groups} groups @param {ReadonlySet<number>} folded rows @param {ReadonlySet<number>} opened groups
 */
export function shownRows({ count, order, size }, { of }, folded, opened) {
  const shown = [];
  const told = new Set();
  for (let index = 0; index < count;) {
    const row = order[index] ?? 0;
    const its = of[row] ?? -1;
    if (its >= 0 && !told.has(its)) {
      told.add(its);
      shown.push(codeOf(its));
    }
    const hidden = its >= 0 && !opened.has(its);
    if (!hidden) shown.push(row);
    index += hidden || folded.has(row) ? size[row] ?? 1 : 1;
  }
  return shown;
}
