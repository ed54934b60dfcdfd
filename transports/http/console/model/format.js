// @ts-check
/** Numbers as people read them. What is not known is an empty text. */

/** Units with how many of them make the next. @type {[number, string, number][]} */
const UNITS = [[1, "ns", 1000], [1e3, "µs", 1000], [1e6, "ms", 1000], [1e9, "s", 60], [60e9, "m", 60]];

/** A duration in the unit that fits. @param {number | null | undefined} ns */
export function durationText(ns) {
  if (ns === null || ns === undefined) return "";
  for (const [size, unit, most] of UNITS) {
    const value = rounded(ns / size);
    if (value < most) return `${value} ${unit}`;
  }
  return `${rounded(ns / 3_600e9)} h`;
}

/** Three digits that count. @param {number} value */
const rounded = (value) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

/** By hand, as `Intl` takes tens of milliseconds before its first number. @param {number | null | undefined} count a whole number */
export const countText = (count) =>
  count === null || count === undefined ? "" : String(count).replace(/\B(?=(\d{3})+$)/g, ",");

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** @param {number} number */
const twoDigits = (number) => String(number).padStart(2, "0");

/** `13:36:55` in the user's zone. @param {Date} time */
export const clockText = (time) => [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":");

/** `Dec 1`, with the year where it is another one. @param {Date} time @param {Date} [now] */
export const dayText = (time, now = new Date()) =>
  `${MONTHS[time.getMonth()]} ${time.getDate()}${
    time.getFullYear() === now.getFullYear() ? "" : `, ${time.getFullYear()}`
  }`;

/** @param {number | null | undefined} usd */
export function moneyText(usd) {
  if (usd === null || usd === undefined) return "";
  if (usd > 0 && usd < 0.0001) return "<$0.0001";
  return `$${usd.toFixed(usd === 0 || usd >= 1 ? 2 : 4)}`;
}

/** @param {{ input: number | null, output: number | null } | null | undefined} tokens */
export const tokensText = (tokens) =>
  tokens ? `${countText(tokens.input) || "–"} → ${countText(tokens.output) || "–"}` : "";

/** @param {number} bytes */
export function bytesText(bytes) {
  const [kilo, mega, giga] = [Math.round(bytes / 1024), (bytes / 1024 ** 2).toFixed(1), (bytes / 1024 ** 3).toFixed(1)];
  if (bytes < 1024) return `${bytes} B`;
  return kilo < 1024 ? `${kilo} KB` : Number(mega) < 1024 ? `${mega} MB` : `${giga} GB`;
}

/** How large a text is in UTF-8. @param {string} text */
export const sizeOf = (text) => new TextEncoder().encode(text).length;

/** How many of something: `1 span`, `2 spans`. @param {number} count @param {string} noun */
export const counted = (count, noun) => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Nanoseconds from one time to another, which have up to nine decimals. @param {string} from @param {string} to */
export const nanosBetween = (from, to) => (Date.parse(to) - Date.parse(from)) * 1e6 + nanosOf(to) - nanosOf(from);

/** What a time has below milliseconds. @param {string} iso */
const nanosOf = (iso) => Number((/\.\d{3}(\d{1,6})/.exec(iso)?.[1] ?? "").padEnd(6, "0"));
