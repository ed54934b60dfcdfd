// @ts-check
/** A trace as a tree of rows, from the columns of `/outline`. All of it is linear in the number of spans. */

/**
 * @typedef {object} Answer as the API gives it
 * @property {number} count
 * @property {Record<string, string[]>} dictionaries
 * @property {Record<string, any[]>} columns
 */

/**
 * @typedef {object} Outline rows are spans in the order of their starts; times are microseconds since the trace began
 * @property {number} count
 * @property {string[]} ids
 * @property {(row: number) => string} name @property {(row: number) => string} service
 * @property {(row: number) => string} type "" for none @property {(row: number) => string} model
 * @property {(row: number) => boolean} failed
 * @property {(row: number) => number | null} cost @property {(row: number) => [number | null, number | null]} tokens
 * @property {(row: number) => boolean} counted whether it stands for a model call
 * @property {(row: number) => boolean} running
 * @property {Float64Array} start @property {Float64Array} end @property {number} length of all of it
 * @property {Int32Array} parent the row above, -1 for none: a parent that is not here, or a ring, makes a root
 * @property {Int32Array} order rows as a tree is read @property {Int32Array} place of a row in `order`
 * @property {Uint16Array} depth @property {Int32Array} size rows of a subtree with its own @property {Int32Array} failures of a subtree
 * @property {Map<string, number>} rowOf
 */

const DEEPEST = 65_535;

/** @param {Answer} answer @returns {Outline} */
export function readOutline({ count, columns, dictionaries }) {
  const column = (/** @type {string} */ name) => columns[name] ?? [];
  const word = (/** @type {string} */ name) => {
    const [words, indexes] = [dictionaries[name] ?? [], column(name)];
    return (/** @type {number} */ row) => words[indexes[row]] ?? "";
  };
  const ids = /** @type {string[]} */ (column("span_id"));
  const status = word("status");
  const errors = column("errors");
  const failed = (/** @type {number} */ row) => status(row) === "error" || errors[row] > 0;
  return {
    ...times(count, column("start_us"), column("duration_us")),
    ...tree(count, column("parent"), failed),
    count,
    ids,
    failed,
    name: word("name"),
    service: word("service"),
    type: word("type"),
    model: word("model"),
    cost: (row) => column("cost_usd")[row] ?? null,
    tokens: (row) => [column("input_tokens")[row] ?? null, column("output_tokens")[row] ?? null],
    counted: (row) => column("counted")[row] === true,
    running: (row) => column("duration_us")[row] === null,
    rowOf: new Map(ids.map((id, row) => [id, row])),
  };
}

/** @param {number} count @param {number[]} starts @param {(number | null)[]} durations */
function times(count, starts, durations) {
  const [start, end] = [new Float64Array(count), new Float64Array(count)];
  let length = 1;
  for (let row = 0; row < count; row++) {
    start[row] = starts[row] ?? 0;
    end[row] = (start[row] ?? 0) + Math.max(0, durations[row] ?? 0);
    length = Math.max(length, end[row] ?? 0);
  }
  // What has not ended lasts as long as the trace is known to.
  for (let row = 0; row < count; row++) if (durations[row] === null) end[row] = length;
  return { start, end, length };
}

/** @param {number} count @param {number[]} parents @param {(row: number) => boolean} failed */
function tree(count, parents, failed) {
  const { first, next } = children(count, parents);
  const parent = new Int32Array(count).fill(-1);
  const [order, place] = [new Int32Array(count), new Int32Array(count).fill(-1)];
  const [depth, size, failures] = [new Uint16Array(count), new Int32Array(count).fill(1), new Int32Array(count)];
  let found = 0;

  /** @param {number} root */
  function visit(root) {
    const waiting = [root];
    for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
      if (at(place, row) >= 0) continue;
      place[row] = found;
      order[found++] = row;
      const below = [];
      for (let child = at(first, row); child >= 0; child = at(next, child)) {
        if (at(place, child) >= 0) continue;
        parent[child] = row;
        depth[child] = Math.min(DEEPEST, at(depth, row) + 1);
        below.push(child);
      }
      while (below.length) waiting.push(/** @type {number} */ (below.pop()));
    }
  }
  for (let row = 0; row < count; row++) if ((parents[row] ?? -1) < 0) visit(row);
  // Spans that name each other as parents: the earliest of them is shown as a root.
  for (let row = 0; row < count; row++) if (at(place, row) < 0) visit(row);
  for (let index = count - 1; index >= 0; index--) {
    const row = at(order, index);
    failures[row] = at(failures, row) + (failed(row) ? 1 : 0);
    const above = at(parent, row);
    if (above < 0) continue;
    size[above] = at(size, above) + at(size, row);
    failures[above] = at(failures, above) + at(failures, row);
  }
  return { parent, order, place, depth, size, failures };
}

/** Lists of children in the order of rows: the first of each, and the one after each. @param {number} count @param {number[]} parents */
function children(count, parents) {
  const [first, next] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)];
  for (let row = count - 1; row >= 0; row--) {
    const above = parents[row] ?? -1;
    if (above < 0 || above >= count) continue;
    next[row] = at(first, above);
    first[above] = row;
  }
  return { first, next };
}

/** @param {Int32Array | Uint16Array} values @param {number} index */
const at = (values, index) => /** @type {number} */ (values[index]);

/** The rows right below a row. @param {Outline} outline @param {number} row @returns {number[]} */
export function childrenOf({ order, place, size }, row) {
  const found = [];
  const end = at(place, row) + at(size, row);
  for (let index = at(place, row) + 1; index < end; index += at(size, at(order, index))) found.push(at(order, index));
  return found;
}

/** The row, the one above it, and so on to a root. @param {Outline} outline @param {number} row */
export function ancestors({ parent }, row) {
  const found = [];
  for (let each = row; each >= 0; each = at(parent, each)) found.push(each);
  return found;
}
