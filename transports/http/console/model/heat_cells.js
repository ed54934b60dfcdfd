// @ts-check
/** A heat map's cells: what an area of them stands for, and what stands at its edges. */

/** @typedef {{ x: { from: string | null, step_ns: number | null, count: number }, y: { field: string, edges: number[] }, counts: number[][], errors: number[][] }} HeatMap */
/** @typedef {{ left: number, right: number, low: number, high: number }} Box columns and rows, the last ones included */
/** @typedef {{ from: string, to: string, low: number, high: number, count: number, errors: number }} Area */

const UNITS =
  /** @type {const} */ ([[3_600_000_000_000, "h"], [60_000_000_000, "m"], [1_000_000_000, "s"], [1_000_000, "ms"], [
    1000,
    "us",
  ], [1, "ns"]]);

/** A time of the API in nanoseconds. @param {string} iso */
export function nanoseconds(iso) {
  const [, whole = "", digits = ""] = /^([^.]*)(?:\.(\d+))?/.exec(iso.replace(/Z$/, "")) ?? [];
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(digits.padEnd(9, "0").slice(0, 9) || "0");
}

/** Nanoseconds as a time of the API. @param {bigint} ns */
export function isoOf(ns) {
  const second = 1_000_000_000n;
  const rest = ((ns % second) + second) % second;
  const whole = new Date(Number((ns - rest) / 1_000_000n)).toISOString().slice(0, 19);
  return `${whole}.${String(rest).padStart(9, "0")}Z`;
}

/** When a column begins. @param {HeatMap} map @param {number} column */
export const columnTime = ({ x }, column) =>
  isoOf(nanoseconds(x.from ?? "1970-01-01T00:00:00Z") + BigInt(column) * BigInt(Math.round(x.step_ns ?? 0)));

/** The box between two cells. @param {{ column: number, row: number }} a @param {{ column: number, row: number }} b @returns {Box} */
export const boxOf = (a, b) => ({
  left: Math.min(a.column, b.column),
  right: Math.max(a.column, b.column),
  low: Math.min(a.row, b.row),
  high: Math.max(a.row, b.row),
});

/** What a box stands for. @param {HeatMap} map @param {Box} box @returns {Area} */
export function areaOf(map, { left, right, low, high }) {
  /** @param {number[][]} cells */
  const sum = (cells) =>
    cells.slice(left, right + 1).reduce((all, column) => column.slice(low, high + 1).reduce((a, b) => a + b, all), 0);
  return {
    from: columnTime(map, left),
    to: columnTime(map, right + 1),
    low: map.y.edges[low] ?? 0,
    high: map.y.edges[high + 1] ?? 0,
    count: sum(map.counts),
    errors: sum(map.errors),
  };
}

/** A duration as a filter has it, in three digits, no longer (or no shorter) than it is. @param {number} ns @param {boolean} up */
export function durationBound(ns, up) {
  const [size, unit] = UNITS.find(([each]) => ns >= each) ?? [1, "ns"];
  const value = ns / size;
  const step = 10 ** Math.max(-2, Math.floor(Math.log10(Math.max(value, 1))) - 2);
  const rounded = (up ? Math.ceil(value / step - 1e-9) : Math.floor(value / step + 1e-9)) * step;
  return `${Number(rounded.toFixed(2))}${unit}`;
}

/** The durations of an area, as a condition. @param {Area} area */
export const durationTerm = ({ low, high }) =>
  `duration:[${durationBound(low, false)} TO ${durationBound(high, true)}]`;

/** An area as conditions, its time included. @param {Area} area */
export const areaTerms = (area) => `start:>=${area.from} start:<${area.to} ${durationTerm(area)}`;

/** The most that a cell has. @param {HeatMap} map */
export const mostOf = ({ counts }) => counts.reduce((most, column) => Math.max(most, ...column), 0);

/** Rows at whose lower edge a label stands: so many at most, from the lowest to the highest. @param {HeatMap} map @param {number} most */
export function labelledRows({ y }, most) {
  const rows = y.edges.length;
  if (!rows) return [];
  const step = Math.max(1, Math.ceil((rows - 1) / Math.max(1, most - 1)));
  return Array.from({ length: Math.floor((rows - 1) / step) + 1 }, (_, index) => index * step);
}
