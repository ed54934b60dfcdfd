// @ts-check
/** All traces, or spans, that a filter is true of. */
import { filterFault, listSpans, listTraces, paged, steady } from "../api/lists.js";
import { connected, Refused } from "../api/studio.js";
import { go, href, param, params, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect, signal, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { countText } from "../model/format.js";
import { empty, failed, skeletons } from "../parts/states.js";
import { range, TimeRange } from "../parts/time-range.js";
import { chosenColumns, keyOf, linkOf, traceList } from "../parts/trace-list.js";

/** @typedef {typeof import("./traces_around.js")} Around */
/** @typedef {ReturnType<typeof paged<any>>} Asked */
/** @template T @typedef {import("../kernel/signal.js").Signal<T>} Signal */

export const title = "Traces";

const FIRST = 50; // rows that are asked for at once: what is in sight comes sooner
const MORE = 100; // and as one goes on
const AHEAD = 20; // rows before the end at which more are asked for
const OF_LIST = ["q", "service", "from", "to", "sort"]; // the parameters that say which list it is

/** Which list it is. @returns {"traces" | "spans"} */
const of = () => (param("of") === "spans" ? "spans" : "traces");
const sort = () => param("sort") ?? "-start";
const WIDE = matchMedia("(min-width: 45rem)");
/** Whether the heat map is shown: the address says so, else the room that there is. */
const isMapShown = () => (param("map") ? param("map") !== "off" : WIDE.matches);

/** The list as one text, which a trace is left with so that one can go on to the next. */
function listText() {
  const given = params();
  for (const name of [...given.keys()]) if (!OF_LIST.includes(name)) given.delete(name);
  return given.toString();
}

export function show() {
  const question = steady(() => ({
    of: of(),
    query: { q: param("q"), service: param("service"), ...range(), sort: param("sort") },
  }));
  const asked = paged(async (after, abort) => {
    const { of, query } = question();
    const limit = after ? MORE : FIRST;
    if (of === "spans") {
      const { spans, next } = await listSpans({ ...query, limit, after }, abort);
      return { items: spans, next };
    }
    const { traces, next } = await listTraces({ ...query, limit, after }, abort);
    return { items: traces, next };
  });
  const rows = list(asked);
  const around = onceThere(asked);
  const news = signal(/** @type {ReturnType<Around["newOnes"]> | null} */ (null));
  const bar = signal(/** @type {HTMLElement | null} */ (null));
  let isBarWanted = false; // before it was there
  effect(() => {
    const module = around.value;
    if (!module) return;
    news.value = untracked(() => module.newOnes(asked, of));
    bar.value = untracked(() => module.filterBar(asked));
    if (isBarWanted) queueMicrotask(() => bar.last?.focus());
  });
  const toBar = () => (bar.last ? bar.last.focus() : void (isBarWanted = true));
  effect(() => {
    // What was refused because nobody answered is asked for again as soon as somebody does.
    const lost = asked.error.value instanceof Refused && asked.error.value.status === 0;
    if (connected.value && lost) asked.again();
  });
  const showNew = () => void [news.last?.forget(), asked.again(), rows.reveal(0)];
  const toggleMap = () => setParams({ map: isMapShown() ? "off" : "on" });
  keys([
    { keys: "j | ArrowDown", label: "Next row", group: "Traces", quiet: true, run: () => rows.move(1) },
    { keys: "k | ArrowUp", label: "Row before", group: "Traces", quiet: true, run: () => rows.move(-1) },
    { keys: "Enter", label: "Open the selected row", group: "Traces", quiet: true, run: () => rows.open() },
    { keys: "/", label: "Filter", group: "Traces", run: toBar },
    { keys: "n", label: "Show what is new", group: "Traces", run: showNew },
    { keys: "m", label: "Show or hide the heat map", group: "Traces", run: toggleMap },
    { keys: "r", label: "Ask again", group: "Traces", run: asked.again },
  ]);
  const pill = () => {
    const count = news.value?.count() ?? 0;
    return count > 0 && around.value?.newPill(count, showNew);
  };
  return [
    head(bar, around, toggleMap),
    mapPlace(around),
    h(
      "div.traces-body",
      null,
      h("div.traces-list", null, pill, () => asked.state.value === "loading" && h("div.progress"), shown(asked, rows)),
      aside(around),
    ),
    h(
      "footer.traces-foot.muted",
      null,
      h("span.grow", { role: "status" }, () => said(asked)),
      () => around.value?.sqlLink(of),
      () => around.value?.listening(),
    ),
  ];
}

/** What is loaded when the list is there, so that it does not wait for it. @param {Asked} asked */
function onceThere(asked) {
  const around = signal(/** @type {Around | null} */ (null));
  let isAsked = false;
  effect(() => {
    if (isAsked || asked.state.value === "loading") return;
    isAsked = true;
    import("./traces_around.js").then((module) => void (around.value = module), () => {});
  });
  return around;
}

/** @param {Signal<HTMLElement | null>} bar @param {Signal<Around | null>} around @param {() => void} toggleMap */
function head(bar, around, toggleMap) {
  const [service, columns] = [
    () => around.value?.serviceChoice(),
    () => around.value?.columnChoice(of, () => columnNames()),
  ];
  const pressed = { "aria-pressed": () => String(isMapShown()), onclick: toggleMap };
  return h(
    "header.page-head.traces-head",
    null,
    h("h1", null, "Traces"),
    which(),
    h(
      "div.end",
      null,
      service,
      part(TimeRange),
      h("button", pressed, "Map"),
      columns,
      () => around.value?.viewChoice(),
    ),
    h("div.traces-filter", null, () => bar.value),
  );
}

const columnNames = () => chosenColumns(of(), param("cols")).map((each) => each.id);

/** The heat map's place, which is kept free until it is there. @param {Signal<Around | null>} around */
function mapPlace(around) {
  const isShown = computed(isMapShown);
  return h(
    "section.traces-map",
    { hidden: () => !isShown.value, "aria-label": "Spans by time and duration" },
    () => isShown.value && around.value?.mapSection(),
  );
}

/** @param {Signal<Around | null>} around */
function aside(around) {
  const isShown = computed(() => Boolean(param("diff")));
  return () => isShown.value && around.value?.differenceAside();
}

/** @param {Asked} asked */
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

/** The rows, or what is said in their place. @param {Asked} asked @param {HTMLElement} rows */
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

/** @param {Asked} asked */
function said(asked) {
  const [count, more] = [asked.items.value.length, asked.next.value !== null];
  if (asked.state.value === "loading") return count ? "Asking again …" : "";
  return count ? `${countText(count)}${more ? "+" : ""} ${of()}` : "";
}
