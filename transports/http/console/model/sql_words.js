// @ts-check
/** What may come next in a statement: views, their columns, and words of SQL. */

/** @typedef {{ views: { name: string, description: string, columns: { name: string, type: string, description: string }[] }[], examples: { title: string, sql: string }[] }} Schema */
/** @typedef {{ text: string, detail: string }} Word */

const WORDS =
  "SELECT|FROM|WHERE|GROUP BY|GROUP BY ALL|HAVING|ORDER BY|LIMIT|JOIN|LEFT JOIN|USING|DISTINCT|AND|OR|NOT|IN|IS NULL|LIKE|BETWEEN|CASE WHEN|THEN|ELSE|END|UNION ALL|WITH|INTERVAL|DESC|NULLS LAST"
    .split("|");
const FUNCTIONS = "count sum avg min max quantile_cont date_trunc now coalesce round length lower starts_with".split(
  " ",
);
const MOST = 60;

/** The word that the cursor is behind. @param {string} text @param {number} cursor @returns {{ start: number, end: number, typed: string, view: string }} */
export function wordAt(text, cursor) {
  const [, view = "", typed = ""] = /(?:(\w+)\.)?(\w*)$/.exec(text.slice(0, cursor)) ?? [];
  const rest = /^\w*/.exec(text.slice(cursor))?.[0] ?? "";
  return { start: cursor - typed.length, end: cursor + rest.length, typed, view };
}

/** Whether the cursor is in a text or in a comment, where nothing is offered. @param {string} text @param {number} cursor */
export function isInText(text, cursor) {
  const before = text.slice(0, cursor).replace(/--.*\n/g, "");
  const quotes = before.replace(/--.*$/, "\0").split("'").length - 1;
  return quotes % 2 === 1 || /--[^\n]*$/.test(before);
}

/** The views that a statement names, by their name and by another one that it gives them. @param {string} text @param {Schema} schema */
function named(text, schema) {
  const found = [
    ...text.matchAll(
      /\b(?:from|join)\s+(\w+)(?:\s+(?:as\s+)?(?!(?:where|group|order|join|left|using|on|limit)\b)(\w+))?/gi,
    ),
  ];
  return found.flatMap(([, name, other]) => {
    const view = schema.views.find((each) => each.name === name?.toLowerCase());
    return view ? [{ view, names: [view.name, ...(other ? [other] : [])] }] : [];
  });
}

/** What may stand at the cursor, what begins as it does. @param {string} text @param {number} cursor @param {Schema} schema @returns {Word[]} */
export function wordsAt(text, cursor, schema) {
  if (isInText(text, cursor)) return [];
  const { typed, view } = wordAt(text, cursor);
  const wanted = typed.toLowerCase();
  const views = named(text, schema);
  const behind = views.filter(({ names }) => !view || names.includes(view));
  const seen = new Set();
  const columns = behind.flatMap(({ view }) => view.columns).filter(({ name }) => !seen.has(name) && seen.add(name));
  const offers = columns.map(({ name, type, description }) => ({ text: name, detail: `${type} · ${description}` }));
  if (!view) {
    if (!wanted && /\b(?:from|join)\s+$/i.test(text.slice(0, cursor))) offers.length = 0;
    offers.push(...schema.views.map(({ name, description }) => ({ text: name, detail: description })));
    if (wanted) offers.push(...FUNCTIONS.map((name) => ({ text: `${name}(`, detail: "" })));
    if (wanted) offers.push(...WORDS.map((word) => ({ text: word, detail: "" })));
  }
  return offers.filter(({ text }) => text.toLowerCase().startsWith(wanted) && text.toLowerCase() !== wanted).slice(
    0,
    MOST,
  );
}
