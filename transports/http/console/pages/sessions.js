// @ts-check
/** Conversations of agents, the latest first. */
import { fieldValues, filterFault, filterFields, listSessions, paged } from "../api/lists.js";
import { go, href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { counted, moneyText, tokensText } from "../model/format.js";
import { FilterBar } from "../parts/filter-bar.js";
import { empty, failed, skeletons } from "../parts/states.js";
import { range, TimeRange } from "../parts/time-range.js";
import { timeOf } from "../parts/trace-list.js";
import { WindowedRows } from "../parts/windowed-rows.js";

export const title = "Sessions";

const AHEAD = 20; // rows before the end at which more are asked for
const ROW = 60; // pixels

export function show() {
  const asked = paged(async (after, abort) => {
    const { sessions, next } = await listSessions({ q: param("q"), ...range(), limit: 100, after }, abort);
    return { items: sessions, next };
  });
  const rows = list(asked);
  const bar = part(FilterBar, {
    value: () => param("q") ?? "",
    fault: () => filterFault(asked.error.value),
    fields: () => filterFields,
    values: () => fieldValues,
    label: "Filter of sessions",
  }, { onfilter: (/** @type {CustomEvent} */ event) => setParams({ q: event.detail, sel: null }, { push: true }) });
  const group = "Sessions";
  keys([
    { keys: "j | ArrowDown", label: "Next session", group, quiet: true, run: () => rows.move(1) },
    { keys: "k | ArrowUp", label: "Session before", group, quiet: true, run: () => rows.move(-1) },
    { keys: "Enter", label: "Read the selected session", group, quiet: true, run: () => rows.open() },
    { keys: "/", label: "Filter", group, run: () => bar.focus() },
    { keys: "r", label: "Ask again", group, run: asked.again },
  ]);
  return [
    h("header.page-head.traces-head", null, h("h1", null, "Sessions"), h("div.end", null, part(TimeRange)), bar),
    h("div.traces-body", null, shown(asked, rows)),
  ];
}

/** @param {ReturnType<typeof paged<any>>} asked */
function list(asked) {
  const place = computed(() => asked.items.value.findIndex((each) => each.session_id === param("sel")));
  const rows = part(WindowedRows, {
    label: "Sessions",
    kind: "grid",
    height: ROW,
    count: () => asked.items.value.length,
    item: () => itemIn(asked.items.value),
    key: () => (/** @type {any} */ session) => session.session_id,
    row: () => row,
    selected: () => place.value,
  }, {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => setParams({ sel: asked.items.last[detail]?.session_id }),
    onopen: (/** @type {CustomEvent<number>} */ { detail }) => open(asked.items.last[detail]),
    onwindow: (/** @type {CustomEvent<{ last: number }>} */ { detail }) =>
      detail.last > asked.items.last.length - AHEAD && asked.more(),
  });
  return rows;
}

/** @param {any[]} items @returns {(index: number) => any} */
const itemIn = (items) => (index) => items[index];
/** @param {any} session */
const open = (session) => session && go(href(`sessions/${encodeURIComponent(session.session_id)}`));

/** @param {import("../kernel/signal.js").Signal<any>} session */
const row = (session) =>
  h("div.session-row", null, () => {
    const { session_id, user_id, services, turns, tokens, cost_usd, unpriced, error_count, preview, end_time } =
      session.value;
    return [
      h(
        "div.row.cut",
        { role: "gridcell" },
        h(
          "a.stretched.cut",
          { href: href(`sessions/${encodeURIComponent(session_id)}`), tabindex: "-1" },
          h("bdi.cut", { title: preview }, preview || session_id),
        ),
        error_count > 0 && h("span.badge.error", null, `${error_count} failed`),
        h("span.grow"),
        h("span.faint", null, timeOf(end_time)),
      ),
      h(
        "div.row.muted.cut",
        { role: "gridcell" },
        h("bdi.cut", null, [user_id, services.slice(0, 3).join(", ")].filter(Boolean).join(" · ")),
        h("span.grow"),
        h(
          "span",
          null,
          [counted(turns, "turn"), tokens && tokensText(tokens), moneyText(cost_usd) + (unpriced ? " +?" : "")].filter(
            Boolean,
          ).join(" · "),
        ),
      ),
    ];
  });

/** @param {ReturnType<typeof paged<any>>} asked @param {HTMLElement} rows */
function shown(asked, rows) {
  const state = computed(() => asked.error.value ? "failed" : asked.items.value.length ? "rows" : asked.state.value);
  return () => {
    if (state.value === "failed") {
      return filterFault(asked.error.value)
        ? empty("The filter cannot be read", "It says above what is wrong.")
        : failed(asked.error.value, asked.again);
    }
    if (state.value === "rows") return rows;
    if (state.value === "ready") return nothing();
    return skeletons(10, `${ROW - 8}px`);
  };
}

function nothing() {
  const filtered = param("q") || param("from");
  if (filtered) {
    return empty(
      "No session is like that",
      h("button", { onclick: () => setParams({ q: null, from: null, to: null }, { push: true }) }, "Show all"),
    );
  }
  return empty(
    "There are no sessions yet",
    h(
      "p",
      null,
      "A session is there when a span says its id, in an attribute such as ",
      h("code", null, "session.id"),
      " or ",
      h("code", null, "gen_ai.conversation.id"),
      ".",
    ),
    h("a.button", { href: href("traces") }, "All traces"),
  );
}
