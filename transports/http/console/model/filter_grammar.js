// @ts-check
/** The filter language of docs/query.md as somebody types it: its tokens, its conditions, and what may come next. */

/** @typedef {"field" | "operator" | "value" | "quoted" | "word" | "has" | "name" | "and" | "or" | "not" | "minus" | "open" | "close" | "low" | "to" | "high" | "bound"} Kind */
/** @typedef {{ kind: Kind, start: number, end: number, text: string }} Token places in the text, the end excluded */
/** @typedef {{ name: string, aliases: string[], kind: string, operators: string[], values: string[] | null, description: string }} Field */
/** @typedef {{ fields: Field[], prefixes: string[] }} Known what `/observability/fields` answers */

/**
 * A condition: what stands between two ANDs, with the minus before it.
 * @typedef {object} Term
 * @property {number} start @property {number} end
 * @property {string} text
 * @property {string | null} field as it is written; null for words, phrases and parentheses
 * @property {boolean} negated
 * @property {number} depth parentheses around it
 */

/**
 * What the cursor is in, and what would be replaced.
 * @typedef {object} Place
 * @property {"field" | "value" | "none"} of
 * @property {number} start @property {number} end
 * @property {string} typed of what is replaced, up to the cursor
 * @property {string} field whose value it is @property {boolean} has whether a field alone is wanted
 */

const KEY = '[^\\s()":\\-][^\\s()":]*(?:"(?:[^"\\\\]|\\\\[\\s\\S])*"?)?';
/** @type {[Kind, RegExp][]} in the order in which they are tried where a condition begins */
const CONDITION = [
  ["and", /AND(?![^\s()])/y],
  ["or", /OR(?![^\s()])/y],
  ["not", /NOT(?![^\s()])/y],
  ["minus", /-(?=\S)/y],
  ["open", /\(/y],
  ["close", /\)/y],
  ["has", /has:/y],
  ["field", new RegExp(`${KEY}(?=:)`, "y")],
  ["quoted", /"(?:[^"\\]|\\[\s\S])*"?/y],
  ["word", /[^\s()"]+/y],
];
/** @type {[Kind, RegExp][]} */
const VALUE = [
  ["low", /\[/y],
  ["quoted", /"(?:[^"\\]|\\[\s\S])*"?/y],
  ["value", /[^\s()"]+/y],
];
/** @type {[Kind, RegExp][]} */
const RANGE = [
  ["high", /\]/y],
  ["to", /TO(?![^\s"])/y],
  ["quoted", /"(?:[^"\\]|\\[\s\S])*"?/y],
  ["bound", /[^\s()"[\]]+/y],
];
/** @type {[Kind, RegExp][]} */
const NAME = [["name", new RegExp(KEY, "y")]];
/** @type {[Kind, RegExp][]} */
const OPERATOR = [["operator", /:(?:>=|<=|>|<)?/y]];
/** @type {Partial<Record<Kind, [Kind, RegExp][]>>} what is tried right behind a token */
const BEHIND = { has: NAME, field: OPERATOR, operator: VALUE, low: RANGE, to: RANGE, bound: RANGE };

/** The tokens of a text, which need be no filter: what fits nowhere is left out. @param {string} text @returns {Token[]} */
export function tokensOf(text) {
  const tokens = /** @type {Token[]} */ ([]);
  let inRange = false;
  for (let at = 0; at < text.length;) {
    const before = tokens.at(-1);
    const joined = before?.end === at;
    inRange = before?.kind === "low" || (inRange && before?.kind !== "high");
    const tried = inRange ? RANGE : (joined && before && BEHIND[before.kind]) || CONDITION;
    const found = first(tried, text, at) ?? first(CONDITION, text, at);
    if (found) tokens.push(found);
    at = found ? found.end : at + 1;
  }
  return tokens;
}

/** @param {[Kind, RegExp][]} kinds @param {string} text @param {number} at @returns {Token | null} */
function first(kinds, text, at) {
  for (const [kind, pattern] of kinds) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found) return { kind, start: at, end: at + found.length, text: found };
  }
  return null;
}

/** The conditions of a text, in their order, those inside of parentheses too. @param {string} text @returns {Term[]} */
export function termsOf(text) {
  const terms = /** @type {Term[]} */ ([]);
  const tokens = tokensOf(text);
  for (let index = 0, depth = 0; index < tokens.length; index++) {
    const from = tokens[index]?.start ?? 0;
    let negated = false;
    for (; tokens[index]?.kind === "minus" || tokens[index]?.kind === "not"; index++) negated = !negated;
    const token = tokens[index];
    if (!token) break;
    if (token.kind === "open") depth++;
    if (token.kind === "close") depth--;
    if (!["has", "field", "word", "quoted"].includes(token.kind)) continue;
    const [last, field] = condition(tokens, index);
    index = last;
    const end = tokens[last]?.end ?? from;
    terms.push({ start: from, end, text: text.slice(from, end), field, negated, depth });
  }
  return terms;
}

/** The last token of a condition, and its field. @param {Token[]} tokens @param {number} index @returns {[number, string | null]} */
function condition(tokens, index) {
  const [token, next, value] = tokens.slice(index, index + 3);
  if (token?.kind === "has") return next?.kind === "name" ? [index + 1, next.text] : [index, null];
  if (token?.kind !== "field" || next?.kind !== "operator") return [index, null];
  if (value?.start !== next.end) return [index + 1, token.text];
  if (value.kind !== "low") return [index + 2, token.text];
  const high = tokens.findIndex((each, place) => place > index && each.kind === "high");
  return [high < 0 ? tokens.length - 1 : high, token.text];
}

/** Whether an OR stands outside of all parentheses. @param {string} text */
function isEither(text) {
  let depth = 0;
  return tokensOf(text).some(({ kind }) => {
    depth += kind === "open" ? 1 : kind === "close" ? -1 : 0;
    return kind === "or" && depth === 0;
  });
}

/** A value as it is written, whatever is in it. @param {string} value @param {boolean} [asPattern] whether `*` and `?` stand for others */
export function valueText(value, asPattern = false) {
  const plain = value !== "" && !/[\s\p{Cc}()"]/u.test(value) && !/^[[<>=]/.test(value);
  if (plain && (asPattern || !/[*?]/.test(value))) return value;
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** A field as it is written: a key behind a prefix may have any characters. @param {string} field such as `attr.a b` */
export function fieldText(field) {
  const dot = field.indexOf(".");
  if (!/[\s\p{Cc}()":]/u.test(field) || dot < 0) return field;
  return `${field.slice(0, dot + 1)}"${field.slice(dot + 1).replace(/["\\]/g, "\\$&")}"`;
}

/**
 * A condition on a field. Null asks for spans without a value; a text `[1 TO 5]` of a `range` is written as it is.
 * @param {string} field @param {unknown} value @param {{ operator?: string, negated?: boolean, range?: boolean }} [how]
 */
export function termOf(field, value, { operator = ":", negated = false, range = false } = {}) {
  const name = fieldText(field);
  if (value === null || value === undefined) return `${negated ? "" : "-"}has:${name}`;
  const written = range ? String(value) : valueText(String(value));
  return `${negated ? "-" : ""}${name}${operator}${written}`;
}

/** The filter and one condition more; as it is if it has that one. @param {string} text @param {string} term */
export function withTerm(text, term) {
  const now = text.trim();
  if (!now) return term;
  if (isEither(now)) return `(${now}) ${term}`;
  return termsOf(now).some((each) => each.depth === 0 && each.text === term) ? now : `${now} ${term}`;
}

/** The filter without some of its conditions, as far as they stand outside of OR and of parentheses. @param {string} text @param {(term: Term) => boolean} unwanted */
function without(text, unwanted) {
  if (isEither(text)) return text;
  return termsOf(text).filter((each) => each.depth === 0 && unwanted(each)).reverse().reduce((kept, { start, end }) => {
    const before = kept.slice(0, start).replace(/(?:\s+AND)?\s*$/, "");
    const behind = kept.slice(end).replace(before ? /^\s*$/ : /^\s*(?:AND(?=[\s(])\s*)?/, "");
    return before + behind;
  }, text).trim();
}

/** @param {string} text @param {string} term */
export const withoutTerm = (text, term) => without(text, (each) => each.text === term);

/** @param {string} text @param {string} field and its other names, each as it is written @param {string[]} [aliases] */
export const withoutField = (text, field, aliases = []) =>
  without(text, (each) => each.field !== null && [field, ...aliases].includes(each.field));

/** Add a condition, or take it away if it is there. @param {string} text @param {string} term */
export const toggled = (text, term) => hasTerm(text, term) ? withoutTerm(text, term) : withTerm(text, term);

/** @param {string} text @param {string} term */
export const hasTerm = (text, term) => termsOf(text).some((each) => each.depth === 0 && each.text === term);

/** What the cursor is in. @param {string} text @param {number} cursor @returns {Place} */
export function placeAt(text, cursor) {
  const tokens = tokensOf(text);
  const index = tokens.findIndex(({ start, end }) => start < cursor && cursor <= end);
  const token = tokens[index];
  const place = { of: /** @type {const} */ ("field"), start: cursor, end: cursor, typed: "", field: "", has: false };
  if (!token || ["open", "minus"].includes(token.kind)) return place;
  if (token.kind === "has") return { ...place, has: true };
  const { start, end } = token;
  if (["word", "field", "and", "or", "not", "name"].includes(token.kind)) {
    return { ...place, start, end, typed: text.slice(start, cursor), has: token.kind === "name" };
  }
  return valuePlace(tokens, index, text, cursor) ?? { ...place, of: "none" };
}

/** The place behind a field, its operator included. @param {Token[]} tokens @param {number} index @param {string} text @param {number} cursor @returns {Place | null} */
function valuePlace(tokens, index, text, cursor) {
  const at = tokens[index]?.kind === "operator" ? index : index - 1;
  const [field, operator, value] = tokens.slice(at - 1, at + 2);
  if (field?.kind !== "field" || operator?.kind !== "operator") return null;
  const has = value?.start === operator.end && ["value", "quoted"].includes(value.kind);
  if (at !== index && !has) return null;
  const start = operator.start + 1;
  const end = has ? value.end : operator.end;
  return { of: "value", start, end, typed: text.slice(start, cursor), field: field.text, has: false };
}

/** @typedef {{ text: string, label: string, detail: string, more: boolean }} Offer `more`: something has to follow it */

/**
 * What may stand at a place: fields, or the values that a field may have. @param {Place} place @param {Known} known
 * @param {{ value: unknown, count: number }[]} [values] what `/observability/values` answers for the field: values, or keys
 * @returns {Offer[]}
 */
export function offersAt(place, known, values = []) {
  if (place.of === "none") return [];
  if (place.of === "value") return valueOffers(place, known, values);
  const typed = place.typed.toLowerCase();
  const prefix = prefixOf(place, known);
  const end = place.has ? "" : ":";
  if (prefix) {
    const found = values.map(({ value, count }) => ({
      text: fieldText(`${prefix}.${value}`) + end,
      label: `${prefix}.${value}`,
      detail: counted(count),
      more: !place.has,
    }));
    return found.filter(({ label }) => label.toLowerCase().startsWith(typed.replaceAll('"', "")));
  }
  const fields = known.fields.flatMap((field) => named(field, typed, end));
  const said = known.fields.flatMap((field) => described(field, typed, end));
  const others = [
    ...known.prefixes.map((each) => ({
      text: `${each}.`,
      label: `${each}.…`,
      detail: PREFIXES[each] ?? "",
      more: true,
    })),
    ...(place.has ? [] : [{ text: "has:", label: "has:…", detail: "There is a value", more: true }]),
  ];
  return [...fields, ...others.filter(({ text }) => text.startsWith(typed)), ...said];
}

/** @type {Record<string, string>} */
const PREFIXES = {
  attr: "An attribute, or an argument of a tool",
  resource: "An attribute of the resource",
  event: "An attribute of an event",
  score: "A score of the trace",
};

/** @param {number} count */
const counted = (count) => `${count.toLocaleString("en-US")} span${count === 1 ? "" : "s"}`;

/** @param {Field} field @param {string} typed */
const nameOf = (field, typed) =>
  [field.name, ...field.aliases].filter((each) => each.startsWith(typed)).sort((a, b) => a.length - b.length)[0];

/** @param {Field} field @param {string} typed @param {string} end @returns {Offer[]} by the shortest of its names that fits */
function named(field, typed, end) {
  const name = nameOf(field, typed);
  return name ? [{ text: name + end, label: name, detail: field.description, more: end !== "" }] : [];
}

/** A field whose name is another, but that says so of itself. @param {Field} field @param {string} typed @param {string} end @returns {Offer[]} */
function described(field, typed, end) {
  const words = field.description.toLowerCase().split(/\W+/);
  if (typed.length < 3 || nameOf(field, typed) || !words.some((word) => word.startsWith(typed))) return [];
  return [{ text: field.name + end, label: field.name, detail: field.description, more: end !== "" }];
}

/** @param {Place} place @param {Known} known @param {{ value: unknown, count: number }[]} values @returns {Offer[]} */
function valueOffers(place, known, values) {
  const field = fieldOf(place.field, known);
  const [, operator = "", rest = ""] = /^([<>=]*)([\s\S]*)$/.exec(place.typed) ?? [];
  const typed = unquoted(rest).toLowerCase();
  const all = field?.values?.map((value) => ({ value, count: -1 })) ??
    (field && KINDS[field.kind]?.map((value) => ({ value, count: WRITTEN }))) ?? values;
  const isKind = all[0]?.count === WRITTEN;
  const wanted = isKind ? place.typed : typed;
  return all.filter(({ value }) => String(value).toLowerCase().startsWith(wanted)).map(({ value, count }) => ({
    text: isKind ? String(value) : operator + valueText(String(value)),
    label: String(value),
    detail: count < 0 ? "" : counted(count),
    more: false,
  }));
}

const WRITTEN = -2; // in place of a count: the offer is the text itself, its operator included
/** @type {Record<string, string[]>} how values of a kind are written, to begin with */
const KINDS = {
  bool: ["true", "false"],
  time: [">now-15m", ">now-1h", ">now-1d", ">now-7d"],
  duration: [">100ms", ">1s", ">10s", ">1m", "<10ms"],
  money: [">0.001", ">0.01", ">0.1", ">1"],
  number: [">100", ">1000", ">10000"],
};

/** The field of a name, or of another name that it has. @param {string} name @param {Known} known */
export const fieldOf = (name, known) => known.fields.find((each) => each.name === name || each.aliases.includes(name));

/** @param {Place} place @param {Known} known */
function prefixOf(place, known) {
  return place.of === "field" ? known.prefixes.find((each) => place.typed.startsWith(`${each}.`)) : undefined;
}

/** A text without the quotes around it. @param {string} text */
export const unquoted = (text) =>
  text.startsWith('"') ? text.replace(/^"|(?<!\\)"$/g, "").replace(/\\([\s\S])/g, "$1") : text;

/**
 * What to ask `/observability/values` for at a place, or null: which field begins with what, in the spans of the rest.
 * @param {string} text @param {Place} place @param {Known} known @returns {{ field: string, prefix: string, q: string } | null}
 */
export function questionAt(text, place, known) {
  const prefix = prefixOf(place, known);
  if (prefix === "score") return null;
  if (prefix) return { field: prefix, prefix: place.typed.slice(prefix.length + 1).replace(/^"/, ""), q: "" };
  if (place.of !== "value") return null;
  const field = fieldOf(place.field, known);
  const open = known.prefixes.some((each) => each !== "score" && place.field.startsWith(`${each}.`));
  if (field ? field.kind !== "text" || field.values || /hex digits/.test(field.description) : !open) return null;
  const [, name = place.field, key = ""] = /^([^"]*)"([\s\S]*)$/.exec(place.field) ?? [];
  const term = termsOf(text).find((each) => each.start < place.end && place.start <= each.end);
  const rest = term && term.depth === 0 ? withoutTerm(text, term.text) : "";
  const q = rest === text.trim() || isEither(text) ? "" : rest;
  return { field: name + (key && unquoted(`"${key}`)), prefix: unquoted(place.typed.replace(/^[<>=]+/, "")), q };
}

/** The text with an offer in it, and where the cursor is then. @param {string} text @param {Place} place @param {Offer} offer */
export function completed(text, place, offer) {
  const rest = text.slice(place.end);
  const said = offer.text.endsWith(":") && rest.startsWith(":") ? offer.text.slice(0, -1) : offer.text;
  const space = offer.more || /^[\s)]/.test(rest) ? "" : " ";
  const before = text.slice(0, place.start) + said + space;
  return { text: before + rest, cursor: before.length + (said === offer.text ? 0 : 1) };
}

/** The place of a column of the server, which counts characters from 1. @param {string} text @param {number} column */
export function placeOfColumn(text, column) {
  let place = 0;
  for (const character of text) {
    if (--column < 1) break;
    place += character.length;
  }
  return place;
}

/** The token that a fault is at; at the end of the text, what would be there. @param {string} text @param {number} column @returns {{ start: number, end: number }} */
export function faultAt(text, column) {
  const place = placeOfColumn(text, column);
  const token = tokensOf(text).find(({ start, end }) => start <= place && place < end);
  return token ? { start: token.start, end: token.end } : { start: place, end: place + 1 };
}
