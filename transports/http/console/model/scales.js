// @ts-check
/** Scales of charts: round numbers for an axis, and times that fit a step. */

/** Round numbers from 0 to at least the most; `whole` ones for what is counted. @param {number} most @param {{ count?: number, whole?: boolean }} [how] @returns {number[]} */
export function ticks(most, { count = 4, whole = false } = {}) {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1];
  const raw = most / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step =
    [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw && (!whole || Number.isInteger(each))) ??
      raw;
  return Array.from(
    { length: Math.ceil(most / step - 1e-9) + 1 },
    (_, index) => Number((index * step).toPrecision(12)),
  );
}

/** Of that many points, those that are named on the axis. @param {number} points @param {number} [count] @returns {number[]} */
export function named(points, count = 5) {
  const step = Math.max(1, Math.ceil(points / count));
  return Array.from({ length: Math.ceil(points / step) }, (_, index) => index * step);
}

/** The time on the axis: of a day, or a day. @param {string} iso @param {number} stepMs */
export function timeLabel(iso, stepMs) {
  const time = new Date(iso);
  if (stepMs >= 24 * 3_600_000) return time.toLocaleDateString("en-US", { month: "short", day: "numeric" });
  const midnight = time.getHours() === 0 && time.getMinutes() === 0;
  return midnight
    ? time.toLocaleDateString("en-US", { month: "short", day: "numeric" })
    : time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** Bars on top of each other: for each series the values below it. @param {readonly (readonly (number | null)[])[]} series @returns {number[][]} and last the sums of all */
export function stacked(series) {
  const sums = Array.from({ length: series[0]?.length ?? 0 }, () => 0);
  const below = series.map((values) =>
    values.map((value, point) => {
      const before = sums[point] ?? 0;
      sums[point] = before + (value ?? 0);
      return before;
    })
  );
  return [...below, sums];
}

/** A line as an SVG path, broken where a value is not known. @param {readonly (number | null)[]} values @param {(point: number) => number} x @param {(value: number) => number} y */
export function linePath(values, x, y) {
  let path = "";
  let open = false;
  values.forEach((value, point) => {
    if (value !== null) path += `${open ? "L" : "M"}${x(point).toFixed(1)} ${y(value).toFixed(1)}`;
    open = value !== null;
  });
  return path;
}
