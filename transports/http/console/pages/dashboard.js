// @ts-check
/** Requests, errors, latency, tokens and cost over time, by what one wants to tell apart. */
import { differences, fieldValues, filterFault, filterFields, readStats } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { go, href, param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed, signal, untracked } from "../kernel/signal.js";
import { h, part } from "../kernel/view.js";
import { termOf, withTerm } from "../model/filter_grammar.js";
import { countText, durationText, moneyText } from "../model/format.js";
import { differenceList } from "../parts/difference-list.js";
import { FilterBar } from "../parts/filter-bar.js";
import { empty, failed, skeletons, stateOf } from "../parts/states.js";
import { colour, TimeChart } from "../parts/time-chart.js";
import { TimeRange } from "../parts/time-range.js";

/** @typedef {import("../api/lists.js").Group} Group */
/** @typedef {import("../parts/time-chart.js").Series} Series */
/** @typedef {Awaited<ReturnType<typeof readStats>>} Stats */

export const title = "Dashboard";

const DAY = "now-1d"; // what is shown where the address does not say
const GROUPS = ["", "service", "model", "provider", "version", "environment", "name", "user", "prompt_name"];
const OF = { calls: "Model calls", traces: "Traces", spans: "Spans" };
const SHOWN = 7; // groups with a colour of their own

const of =
  () => (param("of") && /** @type {string} */ (param("of")) in OF
    ? /** @type {keyof typeof OF} */ (param("of"))
    : "calls");
const range = () => ({ from: param("from") ?? DAY, to: param("to") });

export function show() {
  if (!param("from")) setParams({ from: DAY });
  const asked = loaded((abort) =>
    readStats({
      of: of(),
      group_by: param("by"),
      interval: "auto",
      tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
      q: param("q"),
      ...range(),
      limit: SHOWN,
    }, abort)
  );
  const bar = part(FilterBar, {
    value: () => param("q") ?? "",
    fault: () => filterFault(asked.error.value),
    fields: () => filterFields,
    values: () => fieldValues,
    label: "Filter of the charts",
  }, { onfilter: (/** @type {CustomEvent} */ event) => setParams({ q: event.detail }, { push: true }) });
  keys([
    { keys: "/", label: "Filter", group: "Dashboard", run: () => bar.focus() },
    { keys: "r", label: "Ask again", group: "Dashboard", run: asked.again },
  ]);
  return [
    h(
      "header.page-head.traces-head",
      null,
      h("h1", null, "Dashboard"),
      pick("Of", "of", Object.entries(OF), of),
      pick(
        "By",
        "by",
        GROUPS.map((name) => [name, name ? `by ${name.replace("_", " ")}` : "all together"]),
        () => param("by") ?? "",
      ),
      h("div.end", null, part(TimeRange)),
      bar,
    ),
    h("div.page-body", null, () => body(asked)),
  ];
}

/** @param {string} label @param {string} name @param {string[][]} options @param {() => string} chosen */
const pick = (label, name, options, chosen) =>
  h("select", {
    "aria-label": label,
    onchange: (/** @type {any} */ event) => setParams({ [name]: event.target.value }, { push: true }),
  }, () => options.map(([value, text]) => h("option", { value, selected: value === chosen() }, text)));

/** @param {ReturnType<typeof loaded<Stats>>} asked */
function body(asked) {
  if (asked.error.value) {
    return filterFault(asked.error.value)
      ? empty("The filter cannot be read", "It says above what is wrong.")
      : failed(asked.error.value, asked.again);
  }
  const stats = asked.value.value;
  if (!stats) return skeletons(4, "11rem");
  const count = stats.groups.reduce((sum, { total }) => sum + total.count, 0);
  if (!count) {
    return empty(
      "Nothing in this time",
      h("p", null, "Neither filter nor range finds anything."),
      h(
        "button",
        { onclick: () => setParams({ q: null, from: "now-30d", to: null }, { push: true }) },
        "The last 30 days",
      ),
      h("a.button", { href: href("start") }, "Send spans"),
    );
  }
  return untracked(() => charts(stats));
}

/** @param {Stats} stats */
function charts(stats) {
  const area = signal(/** @type {[string, string] | null} */ (null));
  const groups = [
    ...stats.groups,
    ...(stats.other ? [{ key: { other: `${stats.other.groups} others` }, ...stats.other }] : []),
  ];
  const times = (groups[0]?.points ?? []).map(({ time }) => time);
  const step = times.length > 1 ? Date.parse(times[1]) - Date.parse(times[0]) : 60_000;
  const end = (/** @type {number} */ point) => new Date(Date.parse(times[point]) + step).toISOString();
  const events = {
    onpick: (/** @type {CustomEvent<number>} */ { detail }) => go(tracesHref(times[detail], end(detail))),
    onbrush: (/** @type {CustomEvent<[number, number]>} */ { detail: [first, last] }) =>
      void (area.value = [times[first], end(last)]),
  };
  const chart = (
    /** @type {string} */ label,
    /** @type {"bars" | "lines"} */ kind,
    /** @type {Series[]} */ series,
    /** @type {(value: any) => string} */ format,
  ) => part(TimeChart, { label, kind, times, step, series, format: () => format }, events);
  const by = (/** @type {(point: any) => number | null} */ read) =>
    groups.map((group) => ({ name: nameOf(group), values: group.points.map(read) }));
  return [
    sums(groups),
    () => area.value && areaCard(area.value, () => void (area.value = null)),
    h(
      "div.dashboard-charts",
      null,
      chart(OF[of()], "bars", by(({ count }) => count), countText),
      chart("Errors", "bars", by(({ errors }) => errors), countText),
      chart("Time: p95", "lines", by(({ duration_ns }) => duration_ns?.p95 ?? null), durationText),
      groups.length === 1
        ? chart(
          "Time: p50, p90, p99",
          "lines",
          quantiles(groups[0], "duration_ns", ["p50", "p90", "p99"]),
          durationText,
        )
        : chart("Time: p50", "lines", by(({ duration_ns }) => duration_ns?.p50 ?? null), durationText),
      chart(
        "Time to first token: p50",
        "lines",
        by(({ time_to_first_token_ns }) => time_to_first_token_ns?.p50 ?? null),
        durationText,
      ),
      chart("Cost in US dollars", "bars", by(({ cost_usd }) => cost_usd), moneyText),
      groups.length === 1
        ? chart(
          "Tokens in and out",
          "bars",
          [["input", "in"], ["output", "out"]].map(([member, name]) => ({
            name: name ?? "",
            values: groups[0]?.points.map(({ tokens }) => tokens?.[member ?? ""] ?? null) ?? [],
          })),
          countText,
        )
        : chart(
          "Tokens",
          "bars",
          by(({ tokens }) => (tokens ? (tokens.input ?? 0) + (tokens.output ?? 0) : null)),
          countText,
        ),
      chart(
        "Tokens a second: p50",
        "lines",
        by(({ tokens_per_second }) => tokens_per_second?.p50 ?? null),
        (value) => (value === null ? "" : countText(Math.round(value))),
      ),
    ),
  ];
}

/** @param {any} group @param {string} member @param {string[]} names */
const quantiles = (group, member, names) =>
  names.map((name) => ({
    name,
    values: group.points.map((/** @type {any} */ point) => point[member]?.[name] ?? null),
  }));

/** @param {{ key: Record<string, unknown> }} group */
const nameOf = ({ key }) =>
  Object.values(key).map((value) => (value === null || value === "" ? "(none)" : String(value))).join(", ") || "all";

/** The sums of each group, with links to its traces. @param {any[]} groups */
const sums = (groups) =>
  h(
    "div.scroll-x.card.dashboard-sums",
    { tabindex: "0" },
    h(
      "table",
      null,
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          h("th", null, param("by") ? "Group" : ""),
          ["Count", "Errors", "p50", "p95", "First token", "Tokens in", "Tokens out", "Cost"].map((name) =>
            h("th.number", null, name)
          ),
        ),
      ),
      h(
        "tbody",
        null,
        groups.map((group, index) => {
          const { count, errors, duration_ns, time_to_first_token_ns, tokens, cost_usd, unpriced } = group.total;
          const cells = [
            countText(count),
            h("span", { class: errors ? "is-error" : "faint" }, countText(errors)),
            durationText(duration_ns?.p50),
            durationText(duration_ns?.p95),
            durationText(time_to_first_token_ns?.p50),
            countText(tokens?.input),
            countText(tokens?.output),
            [moneyText(cost_usd), unpriced > 0 && h("span.faint", { title: `${unpriced} without a price` }, " +?")],
          ];
          return h(
            "tr",
            null,
            h("td", null, h("i.dashboard-colour", { "--series": colour(index) }), groupLink(group)),
            cells.map((cell) => h("td.number", null, cell)),
          );
        }),
      ),
    ),
  );

/** @param {any} group */
function groupLink(group) {
  const [[field, value] = ["", ""]] = Object.entries(group.key);
  if (!field || field === "other") return nameOf(group);
  const term = value === null ? `-has:${field}` : termOf(field, value);
  return h("a", { href: tracesHref(null, null, term) }, h("bdi", null, nameOf(group)));
}

/** Where the traces of it are listed. @param {string | null | undefined} from @param {string | null} to @param {string} [term] */
function tracesHref(from, to, term) {
  const filter = term ? withTerm(param("q") ?? "", term) : param("q");
  const list = of() === "traces" ? null : "spans";
  const calls = of() === "calls" ? withTerm(filter ?? "", "counted:true") : filter;
  return href("traces", { q: calls, of: list, from: from ?? range().from, to: to ?? range().to });
}

/** What is done with a time that was brushed. @param {[string, string]} area @param {() => void} close */
function areaCard([from, to], close) {
  const different = signal(false);
  const asked = computed(() =>
    different.value ? loaded((abort) => differences({ q: param("q") ?? "", from, to }, abort)) : null
  );
  return h(
    "section.card.stack.dashboard-area",
    { "aria-label": "The chosen time" },
    h(
      "div.row",
      null,
      h("strong", null, `${new Date(from).toLocaleString()} – ${new Date(to).toLocaleString()}`),
      h("span.grow"),
      h("button", { onclick: () => setParams({ from, to }, { push: true }) }, "Only this time"),
      h("a.button", { href: tracesHref(from, to) }, "Its traces"),
      h("button", { onclick: () => void (different.value = true) }, "What is different here?"),
      h("button.plain", { onclick: close }, "Close"),
    ),
    () =>
      asked.value &&
      stateOf(asked.value, (found) =>
        differenceList(found, (term) => setParams({ q: withTerm(param("q") ?? "", term) }, { push: true })), () =>
        skeletons(3)),
  );
}
