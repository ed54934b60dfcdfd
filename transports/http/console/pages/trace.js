// @ts-check
/** One trace: all of its spans over time, and what the selected one said. */
import { listTraces } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { spanDetail, traceOutline, valueUrl, wholeValue } from "../api/traces.js";
import { go, here, href, hrefHere, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { batch, computed, effect, signal, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { repeated } from "../model/conversation.js";
import { criticalPath } from "../model/critical_path.js";
import { codeOf, groupsOf, shownRows } from "../model/folding.js";
import { counted, durationText, moneyText, tokensText } from "../model/format.js";
import { ancestors, readOutline } from "../model/outline.js";
import { icon } from "../parts/icon.js";
import { MiniMap } from "../parts/mini-map.js";
import { spanPanel } from "../parts/span-panel.js";
import { empty, failed, skeletons, stateOf } from "../parts/states.js";
import { copy, toast } from "../parts/toast.js";
import { WaterFall } from "../parts/water-fall.js";

/** @typedef {import("../model/outline.js").Outline} Outline */

export const title = "Trace";

const STEPPING = 400; // milliseconds between two selections, or less
const REST = 100; // milliseconds that a span stays selected before it is asked for, while one steps on
const MOST_PAGES = 10; // of a list that are looked through for the trace beside this one

/** @param {Record<string, string>} at */
export function show({ trace: id = "" }) {
  const asked = loaded(async (abort) => {
    const answer = await traceOutline(id, abort);
    return { ...answer, outline: readOutline(answer) };
  });
  effect(() => {
    const name = asked.value.value?.trace.name;
    if (name) document.title = `${name} · Junjo AI Studio`;
  });
  keys([
    { keys: "r", label: "Ask again", group: "Trace", run: asked.again },
    { keys: "]", label: "Next trace of the list", group: "Trace", run: () => beside(id, 1) },
    { keys: "[", label: "Trace before in the list", group: "Trace", run: () => beside(id, -1) },
    {
      keys: "Escape",
      label: "Close the span, or go back to the list",
      group: "Trace",
      run: () => param("span") ? setParams({ span: null, tab: null }) : go(listHref()),
    },
  ]);
  return [() => {
    if (asked.error.value) return [bare(), h("div.page-body", null, failed(asked.error.value, asked.again))];
    const value = asked.value.value;
    if (!value) return [bare(), h("div.page-body", null, skeletons(12))];
    return value.outline.count
      ? untracked(() => whole(id, value, asked.again))
      : [bare(), empty("This trace has no spans")];
  }];
}

const listHref = () => `${href("traces")}${param("list") ? `?${param("list")}` : ""}`;
const bare = () => h("header.page-head", null, back(), h("h1", null, "Trace"));
const back = () => h("a.button.plain.square", { href: listHref, "aria-label": "Back to the list" }, icon("left"));

/** Go to the trace that stands beside this one in the list that one came from. @param {string} id @param {number} step */
async function beside(id, step) {
  const list = new URLSearchParams(param("list") ?? "");
  const query = Object.fromEntries(["q", "service", "from", "to", "sort"].map((name) => [name, list.get(name)]));
  let before = /** @type {string | null} */ (null);
  let after = /** @type {string | null} */ (null);
  let found = false;
  const place = untracked(here);
  for (let page = 0; page < MOST_PAGES; page++) {
    const { traces, next } = await listTraces({ ...query, limit: 200, after });
    if (untracked(here) !== place) return; // somebody has gone on meanwhile
    for (const { trace_id } of traces) {
      if (found) return openTrace(trace_id);
      if (trace_id === id && step < 0) return before ? openTrace(before) : toast("This is the first of the list.");
      found = trace_id === id;
      before = trace_id;
    }
    if (!next) break;
    after = next;
  }
  toast(found ? "This is the last of the list." : "This trace is not near in the list that you came from.");
}

/** @param {string} id */
const openTrace = (id) => go(href(`traces/${id}`, { list: param("list") }));

/** @param {string} id @param {any} value @param {() => void} again */
function whole(id, value, again) {
  const view = viewOf(value.outline);
  const open = computed(() => Boolean(param("span")));
  const waterfall = part(WaterFall, {
    outline: value.outline,
    groups: view.groups,
    shown: () => view.shown.value,
    selected: () => view.selected.value,
    zoom: () => view.zoom.value,
    folded: () => view.folded.value,
    opened: () => view.opened.value,
    marked: () => view.marked.value,
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => view.pick(detail),
    onopen: (/** @type {CustomEvent<number>} */ { detail }) => (detail < 0 ? view.fold(detail) : view.pick(detail)),
    onfold: (/** @type {CustomEvent<number>} */ { detail }) => view.fold(detail),
  });
  const search = searchOf(value.outline, view);
  keys(keysOf(view, waterfall, search));
  return [
    head(id, value, search, view, again),
    part(MiniMap, { outline: value.outline, zoom: () => view.zoom.value }, {
      onzoom: (/** @type {CustomEvent} */ { detail }) => view.zoomTo(detail),
    }),
    h(
      "div.trace-body",
      { class: () => (open.value ? "trace-body with-panel" : "trace-body") },
      waterfall,
      () => open.value && untracked(() => panel(id, value.outline)),
    ),
  ];
}

/** What one sees of a trace: folding, zoom, selection. The selection is in the address. @param {Outline} outline */
function viewOf(outline) {
  const groups = groupsOf(outline);
  const [folded, opened] = [
    signal(/** @type {ReadonlySet<number>} */ (new Set())),
    signal(/** @type {ReadonlySet<number>} */ (new Set())),
  ];
  const zoom = signal(/** @type {readonly [number, number]} */ (zoomIn(param("zoom"), outline.length)));
  const marked = signal(/** @type {ReadonlySet<number> | null} */ (null));
  const at = signal(0); // the code of a group that is selected, or 0
  const selected = computed(() => (at.value < 0 ? at.value : outline.rowOf.get(param("span") ?? "") ?? -1));
  const shown = computed(() => shownRows(outline, groups, folded.value, opened.value));

  /** Unfold what hides a row. What hides nothing stays as it is, or each step would list all rows anew. @param {number} row */
  function reveal(row) {
    const above = ancestors(outline, row);
    const hiding = above.slice(1).filter((each) => folded.last.has(each));
    const closed = above.map((each) => groups.of[each] ?? -1).filter((group) => group >= 0 && !opened.last.has(group));
    batch(() => {
      if (hiding.length) folded.value = without(folded.last, hiding);
      if (closed.length) opened.value = new Set([...opened.last, ...closed]);
    });
  }

  effect(() => {
    const row = outline.rowOf.get(param("span") ?? "");
    if (row !== undefined) reveal(row);
  });
  return {
    groups,
    folded,
    opened,
    zoom,
    marked,
    selected,
    shown,
    outline,
    /** @param {number} item */
    pick(item) {
      at.value = item < 0 ? item : 0;
      if (item >= 0) setParams({ span: outline.ids[item] ?? null });
    },
    /** @param {number} item */
    fold(item) {
      if (item < 0) opened.value = toggled(opened.last, codeOf(item));
      else folded.value = toggled(folded.last, item);
    },
    /** @param {readonly [number, number] | null} range */
    zoomTo(range) {
      const [from, to] = range ?? [0, outline.length];
      const wide = Math.max(1, to - from);
      zoom.value = [
        Math.max(0, Math.min(from, outline.length - wide)),
        Math.min(outline.length, Math.max(0, from) + wide),
      ];
      setParams({
        zoom: zoom.last[0] <= 0 && zoom.last[1] >= outline.length ? null : zoom.last.map(Math.round).join("-"),
      });
    },
  };
}

/** @param {string | null} text @param {number} length @returns {[number, number]} */
function zoomIn(text, length) {
  const [from = 0, to = length] = (text ?? "").split("-").filter(Boolean).map(Number);
  return from >= 0 && to > from && from < length ? [from, Math.min(to, length)] : [0, length];
}

/** @template T @param {ReadonlySet<T>} set @param {T} value */
const toggled = (set, value) => (set.has(value) ? without(set, [value]) : new Set([...set, value]));
/** @template T @param {ReadonlySet<T>} set @param {readonly T[]} values */
const without = (set, values) => new Set([...set].filter((each) => !values.includes(each)));

/** @typedef {ReturnType<typeof viewOf>} View */

/** The search over names, and the critical path: what is marked. @param {Outline} outline @param {View} view */
function searchOf(outline, view) {
  const sought = signal(param("find") ?? "");
  const critical = signal(param("path") === "critical");
  const found = computed(() => {
    const text = sought.value.trim().toLowerCase();
    if (!text) return null;
    const rows = new Set(/** @type {number[]} */ ([]));
    for (let row = 0; row < outline.count; row++) {
      if (
        `${outline.name(row)} ${outline.type(row)} ${outline.model(row)} ${outline.service(row)}`.toLowerCase()
          .includes(text)
      ) rows.add(row);
    }
    return rows;
  });
  effect(() => void (view.marked.value = found.value ?? (critical.value ? criticalPath(outline) : null)));
  const field = h("input.trace-search", {
    type: "search",
    placeholder: "Find in this trace",
    "aria-label": "Find in this trace",
    ".value": sought.last,
    oninput: (/** @type {any} */ event) => [sought.value = event.target.value, setParams({ find: event.target.value })],
    onkeydown: (/** @type {KeyboardEvent} */ event) =>
      event.key === "Enter" && [event.preventDefault(), step(event.shiftKey ? -1 : 1)],
  });

  /** @param {number} by */
  const step = (by) => found.value && next(view, by, (row) => found.value?.has(row) === true);
  return {
    field,
    found,
    critical,
    step,
    press: () => [critical.value = !critical.last, setParams({ path: critical.last && "critical" })],
  };
}

/** Select the next row of the tree that is like this, from the one that is selected, around the end. @param {View} view @param {number} step @param {(row: number) => boolean} like */
function next({ outline, selected, pick }, step, like) {
  const from = selected.value < 0 ? (step > 0 ? -1 : 0) : outline.place[selected.value] ?? 0;
  for (let moved = 1; moved <= outline.count; moved++) {
    const row = outline.order[(from + step * moved + outline.count * 2) % outline.count] ?? 0;
    if (like(row)) return pick(row);
  }
  toast("There is none in this trace.");
}

/** @param {View} view @param {WaterFall} waterfall @param {ReturnType<typeof searchOf>} search @returns {import("../kernel/keys.js").Command[]} */
function keysOf(view, waterfall, search) {
  const group = "Trace";
  const openIs = (/** @type {boolean} */ open) => () => {
    const item = view.selected.value;
    if (item === -1) return;
    const isOpen = item < 0 ? view.opened.last.has(codeOf(item)) : !view.folded.last.has(item);
    if (isOpen !== open) view.fold(item);
  };
  const scale = (/** @type {number} */ by) => () => {
    const [from, to] = view.zoom.value;
    const row = view.selected.value;
    const middle = row >= 0 ? ((view.outline.start[row] ?? 0) + (view.outline.end[row] ?? 0)) / 2 : (from + to) / 2;
    view.zoomTo([middle - (to - from) * by / 2, middle + (to - from) * by / 2]);
  };
  return [
    { keys: "j | ArrowDown", label: "Next span", group, quiet: true, run: () => waterfall.move(1) },
    { keys: "k | ArrowUp", label: "Span before", group, quiet: true, run: () => waterfall.move(-1) },
    { keys: "h | ArrowLeft", label: "Fold", group, quiet: true, run: openIs(false) },
    { keys: "l | ArrowRight", label: "Open", group, quiet: true, run: openIs(true) },
    { keys: "e", label: "Next failure", group, run: () => next(view, 1, view.outline.failed) },
    { keys: "Shift+e", label: "Failure before", group, run: () => next(view, -1, view.outline.failed) },
    { keys: "m", label: "Next model call", group, run: () => next(view, 1, view.outline.counted) },
    { keys: "/", label: "Find in this trace", group, run: () => search.field.focus() },
    { keys: "n", label: "Next that was found", group, quiet: true, run: () => search.step(1) },
    { keys: "Shift+n", label: "The one found before", group, quiet: true, run: () => search.step(-1) },
    { keys: "c", label: "Critical path", group, run: () => void search.press() },
    { keys: "+ | =", label: "Zoom in", group, run: scale(0.5) },
    { keys: "-", label: "Zoom out", group, run: scale(2) },
    { keys: "0", label: "All of the time", group, run: () => view.zoomTo(null) },
  ];
}

/** @param {string} id @param {any} value @param {ReturnType<typeof searchOf>} search @param {View} view @param {() => void} again */
function head(id, { trace, count, truncated, outline }, search, view, again) {
  const failures = trace.error_count;
  return h(
    "header.page-head.trace-head",
    null,
    back(),
    h("h1", { title: trace.name }, h("bdi", null, trace.name || "(no name)")),
    !trace.complete &&
      h("button.badge.warn", { title: "Its root has not ended yet. Ask again", onclick: again }, "incomplete"),
    h(
      "span.trace-sums.muted",
      null,
      [
        durationText(trace.duration_ns),
        counted(trace.span_count, "span"),
        trace.llm_calls > 0 && counted(trace.llm_calls, "call"),
        trace.tokens && `${tokensText(trace.tokens)} tokens`,
        moneyText(trace.cost_usd),
      ].filter(Boolean).join(" · "),
    ),
    failures > 0 &&
      h(
        "button.badge.error",
        { title: "Go to the next failure (e)", onclick: () => next(view, 1, outline.failed) },
        `${failures} failed`,
      ),
    truncated && h("span.badge.warn", null, `the first ${counted(count, "span")}`),
    h(
      "div.end",
      null,
      search.field,
      h("span.faint", { role: "status" }, () => search.found.value && `${search.found.value.size} found`),
      h("button", {
        "aria-pressed": () => String(search.critical.value),
        onclick: search.press,
        title: "The spans that the trace waited for (c)",
      }, "Critical path"),
      h("a.button", { href: href("compare", { a: id }) }, "Compare"),
      trace.session_id &&
        h("a.button", { href: href(`sessions/${encodeURIComponent(trace.session_id)}`) }, icon("sessions"), "Session"),
      h(
        "button.square",
        { "aria-label": "Copy the trace id", title: id, onclick: () => copy(id, "Trace id copied") },
        icon("copy"),
      ),
    ),
  );
}

/** The span before stays in sight until the next one is there: nothing flickers while one steps through rows. @param {string} id @param {Outline} outline */
function panel(id, outline) {
  let moved = -Infinity;
  const asked = loaded(async (abort) => {
    const span = param("span") ?? "";
    const isStepping = performance.now() - moved < STEPPING;
    moved = performance.now();
    if (isStepping) await new Promise((rested) => setTimeout(rested, REST));
    abort.throwIfAborted();
    const row = outline.rowOf.get(span);
    if (row === undefined) return { span, detail: null, repeated: 0 };
    const before = callBefore(outline, row);
    const [detail, earlier] = await Promise.all([
      spanDetail(id, span, abort),
      before < 0 ? null : spanDetail(id, outline.ids[before] ?? "", abort).catch(() => null),
    ]);
    return { span, detail, repeated: repeated(detail.messages, earlier?.messages ?? []) };
  });
  return h(
    "aside.span-panel",
    { "aria-label": "Span", "aria-busy": () => String(asked.state.value === "loading") },
    close(),
    stateOf(asked, ({ span, detail, repeated }) =>
      detail === null ? empty("This trace has no such span") : spanPanel({
        detail,
        repeated,
        valueUrl: (key, place) => valueUrl(id, span, key, place),
        wholeValue: (key, place) => wholeValue(id, span, key, place),
      })),
  );
}

const close = () =>
  h("a.button.plain.square.span-panel-close", {
    href: hrefHere({ span: null, tab: null }),
    "aria-label": "Close the span",
  }, icon("close"));

/** The model call before this one, or -1: its conversation is the beginning of this one's, in most agents. @param {Outline} outline @param {number} row */
function callBefore(outline, row) {
  if (!outline.counted(row)) return -1;
  for (let each = row - 1; each >= 0; each--) {
    if (outline.counted(each) && outline.type(each) === outline.type(row)) return each;
  }
  return -1;
}
