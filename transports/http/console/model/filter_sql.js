// @ts-check
/** A filter as SQL over the views of docs/sql.md, as far as it can be said there. */
import { fieldOf, tokensOf, unquoted } from "./filter_grammar.js";

/** @typedef {import("./filter_grammar.js").Known} Known */
/** @typedef {import("./filter_grammar.js").Token} Token */
/** @typedef {{ text: string, quoted: boolean }} Value */

class Unsaid extends Error {}

const DEEPEST = 64; // as filters may nest
const UNITS = /** @type {Record<string, bigint>} */ ({
  ns: 1n,
  us: 1_000n,
  "µs": 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
});
const NOTE = "-- attr.KEY means attributes alone here, not what tools were called with";
const SPANS = "start_time, trace_id, span_id, service, name, type, model, duration_ns, status, cost_usd";
const TRACES = "start_time, trace_id, service, name, duration_ns, span_count, error_count, status, cost_usd";

/**
 * The statement that lists what a filter is true of, or why there is none.
 * @param {{ q: string, of: "spans" | "traces", from?: string | null, to?: string | null, service?: string | null }} list
 * @param {Known} known @returns {{ sql: string } | { why: string }}
 */
export function sqlOf({ q, of, from, to, service }, known) {
  try {
    const tokens = tokensOf(q);
    const given = [
      ...(tokens.length ? [filterOf(tokens, known)] : []),
      ...(service ? [`service = ${textOf(service)}`] : []),
      ...(from ? [`start_time >= ${timeOf(from)}`] : []),
      ...(to ? [`start_time < ${timeOf(to)}`] : []),
    ];
    const where = given.length ? `\nWHERE ${given.join("\n  AND ")}` : "";
    const note = tokens.some((each) => /^attr\./.test(each.text)) ? `${NOTE}\n` : "";
    const end = "\nORDER BY start_time DESC\nLIMIT 100";
    if (of === "spans") return { sql: `${note}SELECT ${SPANS}\nFROM spans${where}${end}` };
    const inner = given.length
      ? `\nWHERE trace_id IN (\n  SELECT trace_id FROM spans\n  WHERE ${given.join("\n    AND ")}\n)`
      : "";
    return { sql: `${note}SELECT ${TRACES}\nFROM traces${inner}${end}` };
  } catch (error) {
    if (error instanceof Unsaid) return { why: error.message };
    throw error;
  }
}

/** @param {Token[]} tokens @param {Known} known */
function filterOf(tokens, known) {
  let at = 0;
  const kind = () => tokens[at]?.kind;

  /** @param {number} depth @returns {string} */
  function any(depth) {
    const members = [all(depth)];
    for (; kind() === "or";) members.push((at++, all(depth)));
    return members.length > 1 ? `(${members.join(" OR ")})` : members[0] ?? "";
  }

  /** @param {number} depth @returns {string} */
  function all(depth) {
    const members = [term(depth)];
    while (kind() && kind() !== "or" && kind() !== "close") {
      if (kind() === "and") at++;
      members.push(term(depth));
    }
    return members.join(" AND ");
  }

  /** @param {number} depth @returns {string} */
  function term(depth) {
    if (depth > DEEPEST) throw new Unsaid("It has too many levels");
    const token = tokens[at++];
    if (token?.kind === "minus" || token?.kind === "not") return `NOT coalesce(${term(depth + 1)}, false)`;
    if (token?.kind === "open") {
      const inner = any(depth + 1);
      if (tokens[at++]?.kind !== "close") throw new Unsaid("A parenthesis is not closed");
      return inner.startsWith("(") ? inner : `(${inner})`;
    }
    if (token?.kind === "has") return `${columnOf(tokens[at++]?.text ?? "", known).column} IS NOT NULL`;
    if (token?.kind !== "field") throw new Unsaid("Words that stand anywhere in a span are no SQL");
    return condition(columnOf(token.text, known), tokens[at++]?.text ?? "");
  }

  /** @param {Column} column @param {string} operator */
  function condition(column, operator) {
    const token = tokens[at++];
    if (token?.kind !== "low") return comparison(column, operator.slice(1), valueOf(token));
    const [low, to, high, end] = [tokens[at], tokens[at + 1], tokens[at + 2], tokens[at + 3]];
    at += 4;
    if (to?.kind !== "to" || end?.kind !== "high") throw new Unsaid("A range has no end");
    const bounds = [...bound(column, ">=", valueOf(low)), ...bound(column, "<=", valueOf(high))];
    return bounds.length ? `(${bounds.join(" AND ")})` : `${column.column} IS NOT NULL`;
  }

  const result = any(0);
  if (at < tokens.length) throw new Unsaid("It is no filter yet");
  return result;
}

/** @typedef {{ column: string, kind: string, isId: boolean, open: boolean }} Column */

/** @param {string} name @param {Known} known @returns {Column} */
function columnOf(name, known) {
  const field = fieldOf(name, known);
  const tokens = /^tokens\.(\w+)$/.exec(field?.name ?? "");
  if (field) {
    const column = tokens ? `${tokens[1]}_tokens` : field.name;
    return { column, kind: field.kind, isId: /hex digits/.test(field.description), open: false };
  }
  const [, prefix, key = ""] = /^(attr|resource)\.([\s\S]+)$/.exec(name) ?? [];
  if (!prefix) throw new Unsaid(`There is no column for ${name || "it"}`);
  const column = `(${prefix === "attr" ? "attributes" : "resource"} ->> ${textOf(unquoted(key))})`;
  return { column, kind: "text", isId: false, open: true };
}

/** @param {Token | undefined} token @returns {Value} */
function valueOf(token) {
  if (!token || !["value", "quoted", "bound"].includes(token.kind)) throw new Unsaid("A value is missing");
  return { text: unquoted(token.text), quoted: token.kind === "quoted" };
}

/** @param {Column} column @param {string} operator @param {Value} value */
function comparison(column, operator, value) {
  const pattern = column.kind === "text" && !value.quoted && /[*?]/.test(value.text);
  if (!value.quoted && value.text === "*") return `${column.column} IS NOT NULL`;
  if (operator) return bound(column, operator, value)[0] ?? "";
  if (column.isId) return `starts_with(${column.column}, ${textOf(value.text.toLowerCase())})`;
  if (pattern) return `${column.column} LIKE ${textOf(likeOf(value.text))} ESCAPE '!'`;
  return `${column.column} = ${literal(column, value)}`;
}

/** @param {Column} column @param {string} operator @param {Value} value @returns {string[]} none for `*` */
function bound(column, operator, value) {
  if (!value.quoted && value.text === "*") return [];
  const isNumber = column.open && !value.quoted && isNumeric(value.text);
  const compared = isNumber ? `TRY_CAST(${column.column} AS DOUBLE)` : column.column;
  return [`${compared} ${operator} ${isNumber ? value.text : literal(column, value)}`];
}

/** @param {string} text */
const isNumeric = (text) => /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);

/** @param {Column} column @param {Value} value */
function literal({ kind, column }, { text }) {
  if (kind === "text") return textOf(text);
  if (kind === "time") return timeOf(text);
  if (kind === "bool" && (text === "true" || text === "false")) return text;
  if (kind === "duration") return durationOf(text, column);
  const number = kind === "money" ? text.replace(/^\$/, "") : text;
  if (kind === "bool" || !isNumeric(number)) throw new Unsaid(`${column} has no such value`);
  return number;
}

/** Whole nanoseconds. @param {string} text @param {string} column */
function durationOf(text, column) {
  const [, whole = "", digits = "", unit = ""] = /^(\d+)(?:\.(\d+))?(ns|us|µs|ms|s|m|h)$/.exec(text) ?? [];
  const size = UNITS[unit];
  if (!size) throw new Unsaid(`${column} has no such value`);
  return String((BigInt(whole + digits) * size) / 10n ** BigInt(digits.length));
}

/** @param {string} text */
function timeOf(text) {
  const [, count, unit = ""] = /^now-(\d+)([smhdw])$/.exec(text) ?? [];
  const units = /** @type {Record<string, string>} */ ({ s: "SECOND", m: "MINUTE", h: "HOUR", d: "DAY", w: "WEEK" });
  if (count) return `now() - INTERVAL ${count} ${units[unit]}`;
  if (text === "now") return "now()";
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?Z?$/.exec(text);
  if (!found) throw new Unsaid("A time of another zone is not said in SQL here");
  return `TIMESTAMP_NS '${found[1]} ${found[2] ?? "00:00:00"}'`;
}

/** @param {string} text */
const textOf = (text) => `'${text.replaceAll("'", "''")}'`;

/** @param {string} pattern with `*` and `?` */
const likeOf = (pattern) => pattern.replace(/[!%_]/g, "!$&").replaceAll("*", "%").replaceAll("?", "_");
