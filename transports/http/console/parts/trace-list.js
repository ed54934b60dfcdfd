// @ts-check
/** Traces or spans as a list: its columns, and its rows. */
import { href } from "../kernel/address.js";
import { computed, effect, signal } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { clockText, countText, dayText, durationText, moneyText, tokensText } from "../model/format.js";
import { icon } from "./icon.js";
import { dot } from "./span-mark.js";
import { WindowedRows } from "./windowed-rows.js";

/** @typedef {import("../kernel/view.js").Child} Child */
/** @typedef {{ id: string, label: string, track: string, wide: number, number?: boolean, sort?: string, cell: (item: any) => Child }} Column `wide`: rem at least; `sort`: the order that it asks for */

const NARROW = matchMedia("(max-width: 45rem)");
const narrow = signal(NARROW.matches);
NARROW.addEventListener("change", () => void (narrow.value = NARROW.matches));
const NARROW_ROW = 60; // pixels

/** A time in the user's zone; its exact value on hover. @param {string | null | undefined} iso */
export function timeOf(iso) {
  if (!iso) return null;
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  const [day, clock] = [dayText(time), clockText(time)];
  return h("time", { datetime: iso, title: `${day}, ${clock} (${iso})` }, today ? clock : `${day}, ${clock}`);
}

/** @param {any} item @returns {any} */
const root = (item) => ("span_count" in item ? item.root : item);

/** Where a row leads to. @param {any} item @param {string} [list] the parameters of the list that it is in */
export const linkOf = (item, list) =>
  href(`traces/${item.trace_id}`, { span: "span_count" in item ? null : item.span_id, list });

/** What tells a row from all others. @param {any} item */
export const keyOf = (item) => ("span_count" in item ? item.trace_id : `${item.trace_id}-${item.span_id}`);

/** @param {string[] | null | undefined} words */
const words = (words) => h("bdi", null, (words ?? []).join(", "));

/** @param {any} item @param {string} list */
const nameCell = (item, list) =>
  h(
    "a.stretched.cut",
    { href: linkOf(item, list), tabindex: "-1" },
    dot(root(item)?.type),
    item.status === "error"
      ? h("span.is-error", { title: root(item)?.status_message || "Failed" }, icon("warning"))
      : null,
    h("bdi.cut", { title: item.name }, item.name || "(no name)"),
    item.complete === false && h("span.badge", null, "incomplete"),
    item.error_count > 0 && h("span.badge.error", null, `${countText(item.error_count)} failed`),
  );

/** @param {string} text */
const lineCell = (text) => text && h("bdi.muted.cut", { title: text }, text);

/** @param {any} item */
const costCell = (item) => [
  h("span", { title: item.cost_usd === null ? null : `$${item.cost_usd}` }, moneyText(item.cost_usd)),
  item.unpriced > 0 &&
  h(
    "span.faint",
    { title: `${item.unpriced} of ${item.llm_calls} calls have no price` },
    item.cost_usd === null ? "?" : " +?",
  ),
];

/** @param {string} list @returns {Column[]} */
function common(list) {
  return [
    {
      id: "start",
      label: "Started",
      track: "7.5rem",
      wide: 7.5,
      sort: "-start",
      cell: (item) => timeOf(item.start_time),
    },
    { id: "name", label: "Name", track: "minmax(12rem, 1.6fr)", wide: 12, cell: (item) => nameCell(item, list) },
    { id: "input", label: "Input", track: "minmax(8rem, 2fr)", wide: 8, cell: (item) => lineCell(item.input_preview) },
    {
      id: "output",
      label: "Output",
      track: "minmax(8rem, 2fr)",
      wide: 8,
      cell: (item) => lineCell(item.output_preview),
    },
    { id: "service", label: "Service", track: "minmax(7rem, 1fr)", wide: 7, cell: (item) => words([item.service]) },
    {
      id: "duration",
      label: "Duration",
      track: "5.5rem",
      wide: 5.5,
      number: true,
      sort: "-duration",
      cell: (item) => durationText(item.duration_ns) || "running",
    },
    {
      id: "tokens",
      label: "Tokens",
      track: "6.5rem",
      wide: 6.5,
      number: true,
      sort: "-tokens",
      cell: (item) => tokensText(item.tokens),
    },
    { id: "cost", label: "Cost", track: "5.5rem", wide: 5.5, number: true, sort: "-cost", cell: costCell },
    { id: "session", label: "Session", track: "8rem", wide: 8, cell: (item) => words([item.session_id]) },
    { id: "user", label: "User", track: "7rem", wide: 7, cell: (item) => words([item.user_id]) },
  ];
}

/** @type {Column[]} */
const OF_TRACES = [
  { id: "spans", label: "Spans", track: "4rem", wide: 4, number: true, cell: (item) => countText(item.span_count) },
  {
    id: "errors",
    label: "Errors",
    track: "4.5rem",
    wide: 4.5,
    number: true,
    sort: "-errors",
    cell: (item) => h("span", { class: item.error_count ? "is-error" : "faint" }, countText(item.error_count)),
  },
  { id: "calls", label: "Calls", track: "4rem", wide: 4, number: true, cell: (item) => countText(item.llm_calls) },
  { id: "models", label: "Models", track: "minmax(8rem, 1fr)", wide: 8, cell: (item) => words(item.models) },
  { id: "agents", label: "Agents", track: "minmax(7rem, 1fr)", wide: 7, cell: (item) => words(item.agents) },
  { id: "tools", label: "Tools", track: "minmax(7rem, 1fr)", wide: 7, cell: (item) => words(item.tools) },
  {
    id: "scores",
    label: "Scores",
    track: "minmax(7rem, 1fr)",
    wide: 7,
    cell: (item) => words(item.scores?.map((/** @type {any} */ each) => `${each.name} ${each.value ?? ""}`)),
  },
];
/** @type {Column[]} */
const OF_SPANS = [
  { id: "type", label: "Type", track: "6rem", wide: 6, cell: (item) => words([item.type]) },
  { id: "model", label: "Model", track: "minmax(8rem, 1fr)", wide: 8, cell: (item) => words([item.model]) },
  {
    id: "error",
    label: "Error",
    track: "minmax(7rem, 1fr)",
    wide: 7,
    cell: (item) => h("bdi.is-error", null, item.error_type),
  },
  { id: "tool", label: "Tool", track: "minmax(6rem, 1fr)", wide: 6, cell: (item) => words([item.tool]) },
  { id: "agent", label: "Agent", track: "minmax(6rem, 1fr)", wide: 6, cell: (item) => words([item.agent]) },
  {
    id: "ttft",
    label: "First token",
    track: "6rem",
    wide: 6,
    number: true,
    cell: (item) => durationText(item.time_to_first_token_ns),
  },
  { id: "version", label: "Version", track: "6rem", wide: 6, cell: (item) => words([item.version]) },
];
const DEFAULT = {
  traces: ["start", "name", "input", "service", "duration", "tokens", "cost", "spans"],
  spans: ["start", "name", "type", "model", "service", "duration", "tokens", "cost"],
};

/** All columns of a list. @param {"traces" | "spans"} of @param {string} [list] */
export const columnsOf = (of, list = "") => [...common(list), ...(of === "traces" ? OF_TRACES : OF_SPANS)];

/** The columns that are wanted, in the order in which they are named. @param {"traces" | "spans"} of @param {string | null} chosen as the address has them @param {string} [list] */
export function chosenColumns(of, chosen, list) {
  const all = columnsOf(of, list);
  const names = chosen?.split(",").filter((name) => all.some(({ id }) => id === name)) ?? [];
  const wanted = names.length ? names : DEFAULT[of];
  return wanted.flatMap((name) => all.find(({ id }) => id === name) ?? []);
}

/** @type {(list: string) => Column} what is said of a row where there is little room */
const card = (list) => ({
  id: "card",
  label: "",
  track: "minmax(0, 1fr)",
  wide: 0,
  cell: (item) => [
    h("div.trace-list-line", null, nameCell(item, list), h("span.faint", null, timeOf(item.start_time))),
    h(
      "div.trace-list-line.muted",
      null,
      h("bdi.cut.grow", null, item.input_preview || item.service),
      h(
        "span",
        null,
        [durationText(item.duration_ns) || "running", moneyText(item.cost_usd)].filter(Boolean).join(" · "),
      ),
    ),
  ],
});

/**
 * The list. Its events are those of `windowed-rows`.
 * @param {object} given
 * @param {() => any[]} given.items @param {() => boolean} given.more whether there is more than these
 * @param {() => Column[]} given.columns @param {() => string} given.list
 * @param {() => string | null} given.selected the key of the one that is selected
 * @param {() => string} [given.sort] @param {(sort: string) => void} [given.onsort]
 * @param {string} given.label
 * @param {Record<string, unknown>} [properties]
 */
export function traceList({ items, more, columns, list, selected, sort, onsort, label }, properties) {
  const shown = computed(() => (narrow.value ? [card(list())] : columns()));
  const place = computed(() => items().findIndex((item) => keyOf(item) === selected()));
  const rows = part(WindowedRows, {
    kind: "grid",
    label,
    count: () => items().length + (more() ? 1 : 0),
    item: () => itemIn(items()),
    key: () => (/** @type {any} */ item) => (item ? keyOf(item) : "more"),
    row: () => (/** @type {any} */ item) => row(item, () => shown.value),
    height: () => (narrow.value ? NARROW_ROW : 0),
    selected: () => place.value,
    head: () => (narrow.value ? null : head(shown.value, sort, onsort)),
  }, properties);
  rows.classList.add("trace-list");
  effect(() => {
    rows.style.setProperty("--tracks", shown.value.map((each) => each.track).join(" "));
    const wide = shown.value.reduce((sum, each) => sum + each.wide + 1, 1);
    rows.style.setProperty("--wide", narrow.value ? "100%" : `max(100%, ${wide}rem)`);
  });
  return rows;
}

/** @param {any[]} items @returns {(index: number) => any} */
const itemIn = (items) => (index) => items[index] ?? null;

/** @param {import("../kernel/signal.js").Signal<any>} item @param {() => Column[]} columns */
const row = (item, columns) =>
  h(
    "div.trace-list-row",
    null,
    () =>
      item.value
        ? columns().map((column) =>
          h(column.number ? "div.cell.number" : "div.cell.cut", { role: "gridcell" }, column.cell(item.value))
        )
        : h("div.cell.faint", { role: "gridcell" }, "Loading more …"),
  );

/** @param {Column[]} columns @param {() => string} [sort] @param {(sort: string) => void} [onsort] */
const head = (columns, sort, onsort) =>
  h(
    "div.trace-list-head",
    { role: "row", "aria-rowindex": "1" },
    columns.map((column) => heading(column, sort, onsort)),
  );

/** @param {Column} column @param {() => string} [sort] @param {(sort: string) => void} [onsort] */
function heading({ id, label, number, sort: own }, sort, onsort) {
  if (!own || !onsort || !sort) return h(number ? "div.number" : "div", { role: "columnheader" }, label);
  const down = () => sort() === own;
  const up = () => id === "start" && sort() === "start";
  const press = () => onsort(down() && id === "start" ? "start" : down() ? "-start" : own);
  return h(
    number ? "div.number" : "div",
    { role: "columnheader", "aria-sort": () => (down() ? "descending" : up() ? "ascending" : "none") },
    h(
      "button.plain",
      { onclick: press, title: `Sort by ${label.toLowerCase()}` },
      label,
      () => (down() ? " ↓" : up() ? " ↑" : ""),
    ),
  );
}
