// @ts-check
/** What comes in, as it comes: without a gap, and held back while one looks at something. */
import { fieldValues, filterFields, steady } from "../api/lists.js";
import { follow, liveState } from "../api/live.js";
import { connected } from "../api/studio.js";
import { go, href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, effect, onEnd, signal, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { FilterBar } from "../parts/filter-bar.js";
import { icon } from "../parts/icon.js";
import { empty, skeletons } from "../parts/states.js";
import { chosenColumns, keyOf, linkOf, traceList } from "../parts/trace-list.js";

export const title = "Live";

const AT_FIRST = 50; // rows that are there before anything comes
const MOST = 5_000; // rows that are kept: the oldest go
const MOST_HELD = 5_000; // rows that wait while one looks at something; of more, the newest
const TOGETHER = 100; // milliseconds: what comes in so long is shown together

/** @returns {"traces" | "spans"} */
const of = () => (param("of") === "spans" ? "spans" : "traces");

/** What came in, and what waits. */
function feed() {
  const [items, held] = [signal(/** @type {any[]} */ ([])), signal(/** @type {readonly any[]} */ ([]))];
  const state = signal(/** @type {"waiting" | "catching" | "here"} */ ("waiting"));
  const fault = signal(/** @type {{ column: number, message: string } | null} */ (null));
  const [told, gaps, isPaused] = [signal(0), signal(0), signal(false)];
  const paused = computed(() => isPaused.value || Boolean(param("sel")));
  const question = steady(() => ({ q: param("q") ?? "", kind: of() }));
  let coming = /** @type {any[]} */ ([]);
  let timer = 0;

  function take() {
    timer = 0;
    const came = coming;
    coming = [];
    told.value += came.length;
    if (paused.value) held.value = [...held.last, ...came].slice(-MOST_HELD);
    else put(came);
  }

  /** The newest above; one that is there already moves up. @param {readonly any[]} came in their order */
  function put(came) {
    const newest = new Map(came.map((item) => [keyOf(item), item]));
    const kept = items.last.filter((item) => !newest.has(keyOf(item)));
    items.value = [...[...newest.values()].reverse(), ...kept].slice(0, MOST);
  }

  function restart() {
    items.value = [];
    held.value = [];
    state.value = "waiting";
    fault.value = null;
    told.value = gaps.value = 0;
    coming = [];
  }

  effect(() => {
    const { q, kind } = question();
    untracked(restart);
    return follow({
      q,
      of: kind,
      limit: AT_FIRST,
      page: (there) => void [items.value = there, state.value = "catching"],
      item: (item) => void [coming.push(item), timer ||= setTimeout(take, TOGETHER)],
      caughtUp: () => void (state.value = "here"),
      whole: true,
      lagged: () => void (state.value = "catching"),
      gap: () => void (gaps.value += 1),
      refused: (faults) => void (fault.value = faultOf(faults)),
    });
  });
  effect(() => {
    if (paused.value || !held.last.length) return;
    const came = held.last;
    held.value = [];
    put(came);
  });
  onEnd(() => clearTimeout(timer));
  return { items, held, state, fault, told, gaps, paused, isPaused };
}

/** @param {any[]} faults */
function faultOf(faults) {
  const [fault] = faults;
  const column = fault?.loc?.at(-1);
  return { column: typeof column === "number" ? column : 1, message: fault?.msg ?? "" };
}

export function show() {
  const came = feed();
  const bar = part(FilterBar, {
    value: () => param("q") ?? "",
    fault: () => came.fault.value,
    fields: () => filterFields,
    values: () => fieldValues,
    label: "Filter of what comes in",
  }, { onfilter: (/** @type {CustomEvent} */ event) => setParams({ q: event.detail, sel: null }, { push: true }) });
  const rows = list(came);
  const goOn = () => void [came.isPaused.value = false, setParams({ sel: null }), rows.reveal(0)];
  const press = () => (came.paused.value ? goOn() : void (came.isPaused.value = true));
  keys([
    { keys: "j | ArrowDown", label: "Next row", group: "Live", quiet: true, run: () => rows.move(1) },
    { keys: "k | ArrowUp", label: "Row before", group: "Live", quiet: true, run: () => rows.move(-1) },
    { keys: "Enter", label: "Open the selected row", group: "Live", quiet: true, run: () => rows.open() },
    { keys: "p", label: "Pause or go on", group: "Live", run: press },
    { keys: "Escape", label: "Go on", group: "Live", quiet: true, run: goOn },
    { keys: "/", label: "Filter", group: "Live", run: () => bar.focus() },
  ]);
  return [
    h(
      "header.page-head.traces-head",
      null,
      h("h1", null, "Live"),
      which(),
      h("div.end", null, () => pauseButton(came, press)),
      h("div.traces-filter", null, bar),
    ),
    h("div.traces-body", null, h("div.traces-list", null, shown(came, rows))),
    h("footer.traces-foot.muted", null, h("span", { role: "status" }, () => said(came)), () => counted(came)),
  ];
}

/** @typedef {ReturnType<typeof feed>} Feed */

/** @param {Feed} came */
function list(came) {
  const listed = computed(() => new URLSearchParams(param("q") ? { q: param("q") ?? "" } : {}).toString());
  /** @param {number} index */
  const open = (index) => {
    const item = came.items.last[index];
    if (item) go(linkOf(item, listed.value));
  };
  return traceList({
    items: () => came.items.value,
    more: () => false,
    columns: () => chosenColumns(of(), param("cols"), listed.value),
    list: () => listed.value,
    selected: () => param("sel"),
    label: "What comes in",
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => setParams({ sel: keyOf(came.items.last[detail]) }),
    onopen: (/** @type {CustomEvent<number>} */ { detail }) => open(detail),
  });
}

/** @param {Feed} came @param {HTMLElement} rows */
function shown(came, rows) {
  const what = computed(() =>
    came.fault.value ? "fault" : came.items.value.length ? "rows" : came.state.value === "waiting" ? "waiting" : "none"
  );
  return () => {
    if (what.value === "rows") return rows;
    if (what.value === "waiting") return skeletons(14);
    if (what.value === "fault") return empty("This is no filter yet", h("p", null, "What is wrong is marked above."));
    const filtered = Boolean(param("q"));
    return empty(
      filtered ? "Nothing like that has come yet" : "No spans yet",
      h("p", null, "It is here as soon as it comes."),
      filtered
        ? h("button", { onclick: () => setParams({ q: null }, { push: true }) }, "Show all")
        : h("a.button.primary", { href: href("start") }, "Send spans"),
    );
  };
}

const which = () =>
  h(
    "div.choice",
    { role: "group", "aria-label": "What is listed" },
    /** @type {const} */ (["traces", "spans"]).map((name) =>
      h("button", {
        "aria-pressed": () => String(of() === name),
        onclick: () => setParams({ of: name === "spans" && name, sel: null }, { push: true }),
      }, name === "spans" ? "Spans" : "Traces")
    ),
  );

/** @param {Feed} came @param {() => void} press */
function pauseButton(came, press) {
  const waiting = came.held.value.length;
  if (!came.paused.value) return h("button", { onclick: press }, icon("stop"), "Pause");
  return h(
    "button.primary",
    { onclick: press },
    icon("playground"),
    waiting ? `Go on (${waiting.toLocaleString("en-US")} wait)` : "Go on",
  );
}

/** @param {Feed} came */
function said(came) {
  if (liveState.value === "lost" || !connected.value) {
    return [h("span.is-warn", null, "Not connected. It goes on where it was, nothing is left out.")];
  }
  if (liveState.value === "connecting" || came.state.value === "waiting") return "Connecting …";
  if (came.paused.value) return param("sel") ? "Held while a row is selected: Escape goes on" : "Paused";
  if (came.state.value === "catching") return "Catching up …";
  return [
    h("span.dot", { "--type": "var(--ok)" }),
    came.gaps.value ? " Live again: what came before that is in the list of traces" : " Live, without a gap",
  ];
}

/** @param {Feed} came */
const counted = (came) => h("span", null, `${came.told.value.toLocaleString("en-US")} came`);
