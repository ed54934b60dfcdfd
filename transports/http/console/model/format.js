// @ts-check
/** Numbers as people read them. What is not known is an empty text. */

const UNITS = /** @type {[number, string][]} */ ([[3_600e9, "h"], [60e9, "m"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"]]);

/** A duration in the unit that fits. @param {number | null | undefined} ns */
export function durationText(ns) {
  if (ns === null || ns === undefined) return "";
  const [size, unit] = UNITS.find(([each]) => ns >= each) ?? [1, "ns"];
  const value = ns / size;
  return `${value >= 100 || unit === "ns" ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
}

/** @param {number | null | undefined} count */
export const countText = (count) => count === null || count === undefined ? "" : count.toLocaleString("en-US");

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
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** How many of something: `1 span`, `2 spans`. @param {number} count @param {string} noun */
export const counted = (count, noun) => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Nanoseconds from one time to another, which have up to nine decimals. @param {string} from @param {string} to */
export const nanosBetween = (from, to) => (Date.parse(to) - Date.parse(from)) * 1e6 + nanosOf(to) - nanosOf(from);

/** What a time has below milliseconds. @param {string} iso */
const nanosOf = (iso) => Number((/\.\d{3}(\d{1,6})/.exec(iso)?.[1] ?? "").padEnd(6, "0"));
