// @ts-check
/** What stands around the list of traces, loaded once that is there: heat map, differences, columns, services, what is new. */
import { differences, fieldValues, filterFault, filterFields, heatMap, steady } from "../api/lists.js";
import { follow, liveState } from "../api/live.js";
import { loaded } from "../api/loaded.js";
import { deleteView, listViews, saveView } from "../api/views.js";
import { href, param, params, setParams } from "../kernel/address.js";
import { computed, effect, onEnd, signal } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { termOf, withTerm } from "../model/filter_grammar.js";
import { sqlOf } from "../model/filter_sql.js";
import { areaTerms, durationTerm } from "../model/heat_cells.js";
import { differenceList } from "../parts/difference-list.js";
import { FilterBar } from "../parts/filter-bar.js";
import { HeatMap } from "../parts/heat-map.js";
import { icon } from "../parts/icon.js";
import { menu } from "../parts/menu.js";
import { savedViews } from "../parts/saved-views.js";
import { stateOf } from "../parts/states.js";
import { range } from "../parts/time-range.js";
import { toast } from "../parts/toast.js";
import { columnsOf, keyOf } from "../parts/trace-list.js";

/** @typedef {import("../model/heat_cells.js").Area} Area */
/** @typedef {ReturnType<typeof import("../api/lists.js").paged<any>>} Asked */

const TOLD_EVERY = 250; // milliseconds: what comes in is shown together
const MOST_NEW = 1000;
const WIDE = matchMedia("(min-width: 45rem)");

/** The filter with the service that is chosen beside it. */
export function wholeFilter() {
  const [q, service] = [param("q") ?? "", param("service")];
  return service ? withTerm(q, termOf("service", service)) : q;
}

/** @param {Asked} asked */
export const filterBar = (asked) =>
  part(FilterBar, {
    value: () => param("q") ?? "",
    fault: () => filterFault(asked.error.value),
    fields: () => filterFields,
    values: () => fieldValues,
    label: "Filter of traces",
  }, { onfilter: (/** @type {CustomEvent} */ event) => setParams({ q: event.detail, sel: null }, { push: true }) });

/** The heat map of what the filter is true of, and what is done with an area of it. */
export function mapSection() {
  const asked = loaded((abort) =>
    heatMap({ q: wholeFilter(), ...range(), columns: WIDE.matches ? 80 : 36, rows: 24 }, abort)
  );
  const [area, table] = [signal(/** @type {Area | null} */ (null)), signal(false)];
  const map = part(HeatMap, { map: () => asked.value.value, table: () => table.value }, {
    onbrush: (/** @type {CustomEvent<Area | null>} */ event) => void (area.value = event.detail),
    onchoose: (/** @type {CustomEvent<Area>} */ event) => showOnly(event.detail),
  });
  effect(() => {
    void asked.value.value;
    area.value = null;
  });
  const isEmpty = computed(() => asked.value.value?.y.edges.length === 0);
  return [
    h(
      "div.traces-map-plot",
      null,
      () =>
        asked.error.value ? null : isEmpty.value ? h("p.muted", null, "No span that has ended is in this range.") : map,
    ),
    h(
      "div.row.traces-map-tools",
      null,
      () => area.value && areaTools(area.value, () => [map.clear(), area.value = null]),
      h(
        "button.plain",
        { "aria-pressed": () => String(table.value), onclick: () => void (table.value = !table.value) },
        "Table",
      ),
      h("button.plain", { onclick: () => setParams({ map: "off" }) }, "Hide"),
    ),
  ];
}

/** @param {Area} area @param {() => void} clear */
const areaTools = (area, clear) => [
  h("button.primary", { onclick: () => showOnly(area) }, "Show only these"),
  h("button", { onclick: () => setParams({ diff: areaTerms(area) }, { push: true }) }, "What is different here?"),
  h("button.plain.square", { "aria-label": "Choose nothing", onclick: clear }, icon("close")),
];

/** @param {Area} area */
const showOnly = (area) =>
  setParams(
    { q: withTerm(param("q") ?? "", durationTerm(area)), from: area.from, to: area.to, sel: null, diff: null },
    { push: true },
  );

/** What is different about the spans of the conditions in `diff`, beside all others that the filter is true of. */
export function differenceAside() {
  const question = steady(() => ({ q: wholeFilter(), diff: param("diff") ?? "", range: range() }));
  const asked = loaded((abort) => {
    const { q, diff, range } = question();
    return differences({ q: withTerm(q, diff), than: withTerm(q, `-(${diff})`), ...range }, abort);
  });
  const pick = (/** @type {string} */ term) => setParams({ q: withTerm(param("q") ?? "", term) }, { push: true });
  return h(
    "aside.traces-differences",
    { "aria-label": "What is different here" },
    h(
      "div.row",
      null,
      h("h2.grow", null, "What is different here"),
      h(
        "button.plain.square",
        { "aria-label": "Close", onclick: () => setParams({ diff: null }, { push: true }) },
        icon("close"),
      ),
    ),
    h("p", null, h("bdi.mono.faint", null, () => param("diff"))),
    stateOf(asked, (found) => differenceList(found, pick)),
  );
}

/** A field to choose a service with. */
export function serviceChoice() {
  const asked = loaded((abort) => fieldValues({ field: "service", prefix: "", q: "" }, abort));
  return () => {
    const chosen = param("service") ?? "";
    const names = new Set([
      ...(chosen ? [chosen] : []),
      ...(asked.value.value ?? []).map((each) => String(each.value)),
    ]);
    const choose = (/** @type {any} */ event) => setParams({ service: event.target.value, sel: null }, { push: true });
    return h(
      "select.traces-service",
      { "aria-label": "Service", onchange: choose },
      h("option", { value: "", selected: !chosen }, "All services"),
      [...names].map((name) => h("option", { value: name, selected: name === chosen }, name)),
    );
  };
}

/** A button that opens the choice of columns. @param {() => "traces" | "spans"} of @param {() => string[]} shown their names */
export function columnChoice(of, shown) {
  /** @param {string} id @param {boolean} on */
  const set = (id, on) => {
    const order = columnsOf(of()).map((each) => each.id);
    const names = on ? [...shown(), id] : shown().filter((each) => each !== id);
    setParams({ cols: names.sort((a, b) => order.indexOf(a) - order.indexOf(b)).join(",") });
  };
  const box = (/** @type {{ id: string, label: string }} */ { id, label }) =>
    h(
      "label.check",
      null,
      h("input", {
        type: "checkbox",
        ".checked": () => shown().includes(id),
        disabled: id === "name",
        onchange: (/** @type {any} */ event) => set(id, event.target.checked),
      }),
      label,
    );
  const choice = menu(() => "Columns", "Columns", () => [
    columnsOf(of()).map(box),
    h("button.plain", { onclick: () => setParams({ cols: null }) }, "As they were"),
  ]);
  choice.classList.add("traces-columns");
  return choice;
}

const NOT_OF_VIEW = ["sel", "diff"]; // what one looks at now and then

/** The views that were saved of this page. */
export function viewChoice() {
  const asked = loaded((abort) => listViews("traces", abort));
  const now = () => {
    const given = params();
    NOT_OF_VIEW.forEach((name) => given.delete(name));
    return given.toString();
  };
  return savedViews({
    views: () => asked.value.value ?? [],
    now,
    href: (parameters) => `${href("traces")}${parameters && "?"}${parameters}`,
    save: async (name, shared) => {
      await saveView({ name, page: "traces", parameters: now(), shared });
      asked.again();
      toast("Saved");
    },
    drop: async ({ id }) => {
      await deleteView(id).catch((error) => toast(error.message));
      asked.again();
    },
  });
}

/**
 * What came in since the list was asked for. What is listed already is brought up to date where it stands; what is new
 * is only counted until it is wanted: nothing moves under whoever reads.
 * @param {Asked} asked @param {() => "traces" | "spans"} of
 */
export function newOnes(asked, of) {
  const fresh = signal(/** @type {ReadonlySet<string>} */ (new Set()));
  const places = computed(() => new Map(asked.items.value.map((item, index) => [keyOf(item), index])));
  const question = steady(() => ({ q: wholeFilter(), kind: of(), ended: param("to") }));
  const isRefused = computed(() => asked.error.value !== null);
  let waiting = /** @type {any[]} */ ([]);
  let timer = 0;

  function take() {
    timer = 0;
    const [items, found] = [waiting, new Set(fresh.last)];
    waiting = [];
    const changed = items.filter((item) => places.value.has(keyOf(item)));
    for (const item of items) if (!places.value.has(keyOf(item)) && found.size < MOST_NEW) found.add(keyOf(item));
    if (found.size !== fresh.last.size) fresh.value = found;
    if (!changed.length) return;
    const now = [...asked.items.last];
    for (const item of changed) now[places.value.get(keyOf(item)) ?? -1] = item;
    asked.items.value = now;
  }

  /** @param {any} item */
  function heard(item) {
    waiting.push(item);
    timer ||= setTimeout(take, TOLD_EVERY);
  }

  effect(() => {
    const { q, kind, ended } = question();
    fresh.value = new Set();
    if (ended || isRefused.value) return;
    return follow({ q, of: kind, limit: 1, item: heard });
  });
  effect(() => {
    // Asked again: what is listed now is no news.
    if (asked.state.value === "ready") fresh.value = new Set([...fresh.last].filter((key) => !places.value.has(key)));
  });
  onEnd(() => clearTimeout(timer));
  return { count: () => fresh.value.size, forget: () => void (fresh.value = new Set()) };
}

/** @param {number} count @param {() => void} show */
export const newPill = (count, show) =>
  h(
    "button.primary.traces-pill",
    { onclick: show },
    icon("up"),
    `${count >= MOST_NEW ? `${MOST_NEW.toLocaleString("en-US")}+` : count} new`,
  );

/** The same list as a statement, where it can be said in SQL. @param {() => "traces" | "spans"} of */
export function sqlLink(of) {
  const fields = loaded(() => filterFields());
  const question = steady(() => ({ q: param("q") ?? "", of: of(), service: param("service"), ...range() }));
  return () => {
    const said = fields.value.value && sqlOf(question(), fields.value.value);
    return said && "sql" in said && h("a", { href: href("sql", { sql: said.sql }) }, "As SQL");
  };
}

/** Whether one hears of what comes in. */
export const listening = () =>
  h(
    "a.traces-listening",
    { href: href("live", { q: param("q") }), title: "Follow what comes in" },
    () =>
      liveState.value === "live"
        ? [h("span.dot", { "--type": "var(--ok)" }), "Listening"]
        : liveState.value === "off"
        ? null
        : "Connecting …",
  );
