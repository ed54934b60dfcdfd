// @ts-check
/** One SELECT over what is stored: written, run, looked at, taken along. */
import { filterFault } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { runSql, sqlFile, sqlSchema } from "../api/sql.js";
import { href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect, signal } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { countText } from "../model/format.js";
import { icon } from "../parts/icon.js";
import { empty, failed, skeletons } from "../parts/states.js";
import { SqlEditor } from "../parts/sql-editor.js";
import { toast } from "../parts/toast.js";
import { WindowedRows } from "../parts/windowed-rows.js";

/** @typedef {import("../api/sql.js").Rows} Rows */
/** @typedef {import("../model/sql_words.js").Schema} Schema */

export const title = "SQL";

const LIMITS = [100, 1000, 10_000, 100_000];
const limit = () => Number(param("limit") ?? 1000);

/** What the statement of the address finds. It is a SELECT: whoever opens the address may run it. */
function result() {
  const [state, rows, error] = [
    signal(/** @type {"none" | "running" | "ready" | "failed"} */ ("none")),
    signal(/** @type {Rows | null} */ (null)),
    signal(/** @type {Error | null} */ (null)),
  ];
  const round = signal(0);
  const question = computed(() => JSON.stringify([param("sql") ?? "", limit()]));
  let abort = new AbortController();
  effect(() => {
    void round.value;
    const [sql, most] = JSON.parse(question.value);
    error.value = null;
    if (!sql.trim()) return void (state.value = "none");
    abort = new AbortController();
    const ended = abort.signal;
    state.value = "running";
    runSql(sql, most, ended).then((found) => {
      if (!ended.aborted) [rows.value, state.value] = [found, "ready"];
    }, (reason) => {
      if (!ended.aborted) [error.value, state.value] = [reason, "failed"];
    });
    return () => abort.abort();
  });
  const stop = () => void [abort.abort(), state.value = rows.value ? "ready" : "none"];
  return { state, rows, error, stop, again: () => void (round.value = round.last + 1) };
}

export function show() {
  const schema = loaded(() => sqlSchema());
  const found = result();
  const editor = part(SqlEditor, {
    value: () => param("sql") ?? "",
    fault: () => filterFault(found.error.value, "sql"),
    schema: () => schema.value.value ?? { views: [], examples: [] },
  }, { onrun: () => run() });
  const run = () => {
    if (editor.text === (param("sql") ?? "")) found.again();
    else setParams({ sql: editor.text }, { push: true });
  };
  /** @param {string} sql */
  const use = (sql) => setParams({ sql }, { push: true });
  keys([
    { keys: "Mod+Enter", label: "Run", group: "SQL", run },
    { keys: "/", label: "Write", group: "SQL", run: () => editor.focus() },
    { keys: "r", label: "Run again", group: "SQL", run: found.again },
  ]);
  return [
    h("header.page-head", null, h("h1", null, "SQL"), h("div.end", null, () => tools(found, run))),
    h(
      "div.sql-body",
      null,
      h(
        "aside.sql-schema",
        { "aria-label": "What can be read" },
        () => schema.value.value && views(schema.value.value, (name) => editor.put(name)),
      ),
      h("div.sql-main", null, editor, h("div.sql-result", null, shown(found, schema, use))),
    ),
  ];
}

/** @param {ReturnType<typeof result>} found @param {() => void} run */
const tools = (found, run) => [
  h(
    "select",
    { "aria-label": "Most rows", onchange: (/** @type {any} */ event) => setParams({ limit: event.target.value }) },
    LIMITS.map((each) => h("option", { value: each, selected: each === limit() }, `${countText(each)} rows`)),
  ),
  found.state.value === "ready" &&
  ["csv", "parquet"].map((format) =>
    h(
      "button",
      { onclick: () => download(/** @type {"csv" | "parquet"} */ (format)) },
      icon("download"),
      format === "csv" ? "CSV" : "Parquet",
    )
  ),
  found.state.value === "running"
    ? h("button", { onclick: found.stop }, icon("stop"), "Stop")
    : h("button.primary", { onclick: run, title: "Ctrl+Enter" }, icon("playground"), "Run"),
];

/** @param {"csv" | "parquet"} format */
async function download(format) {
  try {
    const file = await sqlFile(param("sql") ?? "", limit(), format);
    const link = h("a", { href: URL.createObjectURL(file), download: `junjo.${format}` });
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error));
  }
}

/** @param {Schema} schema @param {(name: string) => void} put */
const views = ({ views }, put) =>
  views.map(({ name, description, columns }) =>
    h(
      "details",
      null,
      h("summary", { title: description }, h("span.mono", null, name), h("span.faint", null, ` ${columns.length}`)),
      columns.map((column) =>
        h(
          "button.plain",
          { onclick: () => put(column.name), title: column.description },
          h("span.mono.cut", null, column.name),
          h("span.faint", null, column.type.toLowerCase()),
        )
      ),
    )
  );

/** @param {ReturnType<typeof result>} found @param {ReturnType<typeof loaded<Schema>>} schema @param {(sql: string) => void} use */
function shown(found, schema, use) {
  return () => {
    const [state, error, rows] = [found.state.value, found.error.value, found.rows.value];
    if (state === "none") return beginning(schema, use);
    if (error && filterFault(error, "sql")) {
      return empty("This is no statement yet", h("p", null, "What is wrong is marked above."));
    }
    if (error) return failed(error, found.again);
    if (!rows) return skeletons(8);
    return [state === "running" && h("div.progress"), table(rows)];
  };
}

/** @param {ReturnType<typeof loaded<Schema>>} schema @param {(sql: string) => void} use */
const beginning = (schema, use) =>
  h(
    "div.sql-examples",
    null,
    h("h2", null, "Statements to begin with"),
    (schema.value.value?.examples ?? []).map(({ title, sql }) =>
      h("button.plain", { onclick: () => use(sql) }, h("strong", null, title), h("code.cut.muted", null, sql))
    ),
  );

/** @param {Rows} rows */
function table({ columns, rows, truncated, elapsed_ms }) {
  const count = `${countText(rows.length)} row${rows.length === 1 ? "" : "s"}`;
  const foot = h(
    "p.sql-foot.muted",
    { role: "status" },
    `${count} in ${Math.round(elapsed_ms).toLocaleString("en-US")} ms`,
    truncated && h("span.is-warn", null, " · there are more"),
  );
  if (!rows.length) return [empty("No rows"), foot];
  const places = { trace: columns.findIndex(({ name }) => name === "trace_id"), rows };
  const grid = part(WindowedRows, {
    kind: "grid",
    label: "Rows",
    count: rows.length,
    item: () => (/** @type {number} */ index) => rows[index],
    row: () => (/** @type {any} */ row) =>
      h("div.sql-row", null, () => columns.map((column, index) => cell(column, row.value, index, places.trace))),
    head: () => h("div.sql-row.sql-head", { role: "row", "aria-rowindex": "1" }, columns.map(heading)),
  });
  const widths = columns.map((column, index) => widthOf(column, rows, index));
  grid.style.setProperty("--tracks", widths.map((each) => `minmax(${each}ch, ${each}fr)`).join(" "));
  grid.style.setProperty("--wide", `max(100%, ${widths.reduce((sum, each) => sum + each + 2.5, 2)}ch)`);
  return [grid, foot];
}

/** Characters that a column is wide. @param {{ name: string }} column @param {unknown[][]} rows @param {number} index */
const widthOf = ({ name }, rows, index) =>
  rows.slice(0, 100).reduce(
    (most, row) => Math.max(most, Math.min(40, textOf(row[index]).length + 1)),
    Math.max(6, name.length + 1),
  );

/** @param {{ name: string, type: string }} column */
const heading = ({ name, type }) =>
  h(isNumber(type) ? "div.number" : "div.cut", { role: "columnheader", title: type }, name);

/** @param {string} type */
const isNumber = (type) => /INT|DOUBLE|FLOAT|DECIMAL/.test(type) && !type.endsWith("[]");

/** @param {unknown} value */
function textOf(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {{ name: string, type: string }} column @param {unknown[]} row @param {number} index @param {number} trace which column has the trace */
function cell({ name, type }, row, index, trace) {
  const value = row[index];
  const text = textOf(value);
  const to = linkOf(name, text, textOf(row[trace]));
  const shown = to
    ? h("a.mono", { href: to }, text)
    : h("bdi", { title: text }, value === null ? h("span.faint", null, "null") : text);
  return h(isNumber(type) ? "div.number" : "div.cut", { role: "gridcell" }, shown);
}

/** Where an id leads to. @param {string} name @param {string} text @param {string} trace the row's */
function linkOf(name, text, trace) {
  if (/^[0-9a-f]{32}$/.test(text) && /trace/.test(name)) return href(`traces/${text}`);
  if (/^[0-9a-f]{16}$/.test(text) && name === "span_id" && trace) return href(`traces/${trace}`, { span: text });
  return null;
}
