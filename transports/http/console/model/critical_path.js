// @ts-check
/** The spans that a trace waited for: had one of them been shorter, the trace had been. */
import { childrenOf } from "./outline.js";

// Starts and durations are rounded down to microseconds each: an end may seem to be so much later than it is.
const ROUNDING = 2;

/**
 * From the end of the longest root backwards: whatever ended last before was waited for, then what ended before it began.
 * @param {import("./outline.js").Outline} outline @returns {ReadonlySet<number>} rows
 */
export function criticalPath(outline) {
  const { start, end, parent, count } = outline;
  const path = new Set(/** @type {number[]} */ ([]));
  let last = -1;
  for (let row = 0; row < count; row++) {
    if (parent[row] === -1 && (last < 0 || (end[row] ?? 0) > (end[last] ?? 0))) last = row;
  }
  const waiting = last < 0 ? [] : [{ row: last, until: end[last] ?? 0 }];
  for (let step = waiting.pop(); step; step = waiting.pop()) {
    path.add(step.row);
    let until = step.until;
    const below = childrenOf(outline, step.row).sort((a, b) => (end[b] ?? 0) - (end[a] ?? 0));
    for (const child of below) {
      // What went on after that was not waited for.
      if ((end[child] ?? 0) > until + ROUNDING || (start[child] ?? 0) >= until) continue;
      waiting.push({ row: child, until: Math.min(until, end[child] ?? 0) });
      until = start[child] ?? 0;
    }
  }
  return path;
}
