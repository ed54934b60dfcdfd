// @ts-check
/** All traces, or spans, that a filter is true of. */
import { fieldValues, filterFault, filterFields, listSpans, listTraces, paged } from "../api/lists.js";
import { connected, Refused } from "../api/studio.js";
import { go, href, param, params, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { FilterBar } from "../parts/filter-bar.js";
import { empty, failed, skeletons } from "../parts/states.js";
import { range, TimeRange } from "../parts/time-range.js";
import { chosenColumns, keyOf, linkOf, traceList } from "../parts/trace-list.js";

export const title = "Traces";

const PAGE = 100; // rows that are asked for at once
const AHEAD = 40; // rows before the end at which more are asked for
const OF_LIST = ["q", "service", "from", "to", "sort"]; // the parameters that say which list it is

/** Which list it is. @returns {"traces" | "spans"} */
const of = () => (param("of") === "spans" ? "spans" : "traces");
const sort = () => param("sort") ?? "-start";

/** The list as one text, which a trace is left with so that one can go on to the next. */
function listText() {
  const given = params();
  for (const name of [...given.keys()]) if (!OF_LIST.includes(name)) given.delete(name);
  return given.toString();
}

export function show() {
  const asked = paged(async (after, abort) => {
    const query = { q: param("q"), service: param("service"), ...range(), sort: param("sort"), limit: PAGE, after };
    if (of() === "spans") {
      const { spans, next } = await listSpans(query, abort);
      return { items: spans, next };
    }
    const { traces, next } = await listTraces(query, abort);
    return { items: traces, next };
  });
  const bar = part(FilterBar, {
    value: () => param("q") ?? "",
    fault: () => filterFault(asked.error.value),
    fields: () => filterFields,
    values: () => fieldValues,
    label: "Filter of traces",
  }, { onfilter: (/** @type {CustomEvent} */ event) => setParams({ q: event.detail, sel: null }, { push: true }) });
  const rows = list(asked);
  effect(() => {
    // What was refused because nobody answered is asked for again as soon as somebody does.
    const lost = asked.error.value instanceof Refused && asked.error.value.status === 0;
    if (connected.value && lost) asked.again();
  });
  keys([
    { keys: "j | ArrowDown", label: "Next row", group: "Traces", quiet: true, run: () => rows.move(1) },
    { keys: "k | ArrowUp", label: "Row before", group: "Traces", quiet: true, run: () => rows.move(-1) },
    { keys: "Enter", label: "Open the selected row", group: "Traces", quiet: true, run: () => rows.open() },
    { keys: "/", label: "Filter", group: "Traces", run: () => bar.focus() },
    { keys: "r", label: "Ask again", group: "Traces", run: asked.again },
  ]);
  return [
    h("header.page-head.traces-head", null, h("h1", null, "Traces"), which(), h("div.end", null, part(TimeRange)), bar),
    h("div.traces-body", null, shown(asked, rows)),
    h("footer.traces-foot.muted", { role: "status" }, () => said(asked)),
  ];
}

/** @param {ReturnType<typeof paged<any>>} asked */
function list(asked) {
  const listed = computed(listText);
  return traceList({
    items: () => asked.items.value,
    more: () => asked.next.value !== null,
    columns: () => chosenColumns(of(), param("cols"), listed.value),
    list: () => listed.value,
    selected: () => param("sel"),
    sort,
    onsort: (wanted) => setParams({ sort: wanted === "-start" ? null : wanted }, { push: true }),
    label: "Traces",
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => select(asked.items.last[detail]),
    onopen: (/** @type {CustomEvent<number>} */ { detail }) => open(asked.items.last[detail]),
    onwindow: (/** @type {CustomEvent<{ last: number }>} */ { detail }) => {
      if (detail.last > asked.items.last.length - AHEAD) asked.more();
    },
  });
}

/** @param {any} item */
const select = (item) => item && setParams({ sel: keyOf(item) });
/** @param {any} item */
const open = (item) => item && go(linkOf(item, listText()));

const which = () =>
  h(
    "div.choice",
    { role: "group", "aria-label": "What is listed" },
    /** @type {const} */ (["traces", "spans"]).map((name) =>
      h("button", {
        "aria-pressed": () => String(of() === name),
        onclick: () => setParams({ of: name === "spans" && name, sel: null, cols: null }, { push: true }),
      }, name === "spans" ? "Spans" : "Traces")
    ),
  );

/** The rows, or what is said in their place. @param {ReturnType<typeof paged<any>>} asked @param {HTMLElement} rows */
function shown(asked, rows) {
  const state = computed(() => asked.error.value ? "failed" : asked.items.value.length ? "rows" : asked.state.value);
  return () => {
    if (state.value === "failed" && filterFault(asked.error.value)) return wrong();
    if (state.value === "failed") return failed(asked.error.value, asked.again);
    if (state.value === "rows") return rows;
    return state.value === "ready" ? nothing() : skeletons(14);
  };
}

const wrong = () =>
  empty(
    "This is no filter yet",
    h("p", null, "What is wrong is marked above. Fields, values and operators are offered as you type."),
  );

function nothing() {
  const filtered = OF_LIST.some((name) => name !== "sort" && param(name));
  if (!filtered) {
    return empty(
      "No spans yet",
      h("p", null, "Point an exporter at this studio, or send the demo, and traces are here as they come."),
      h("a.button.primary", { href: href("start") }, "Send spans"),
    );
  }
  const all = { q: null, service: null, from: null, to: null };
  return empty("No trace is like that", h("button", { onclick: () => setParams(all, { push: true }) }, "Show all"));
}

/** @param {ReturnType<typeof paged<any>>} asked */
function said(asked) {
  const [count, more] = [asked.items.value.length, asked.next.value !== null];
  if (asked.state.value === "loading") return count ? "Asking again …" : "";
  return count ? `${count.toLocaleString("en-US")}${more ? "+" : ""} ${of()}` : "";
}
