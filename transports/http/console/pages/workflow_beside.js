// @ts-check
/** Two runs side by side, node by node, with the first step where they differ. */
import { listSpans } from "../api/lists.js";
import { loaded } from "../api/loaded.js";
import { compareRuns } from "../api/workflows.js";
import { href, hrefHere, param } from "../kernel/address.js";
import { h } from "../kernel/view.js";
import { durationText, moneyText, tokensText } from "../model/format.js";
import { pretty, text } from "../parts/messages.js";
import { empty, stateOf } from "../parts/states.js";
import { timeOf } from "../parts/trace-list.js";

/** @typedef {{ trace: string, span: string }} At */

/** Classes of states. @type {Record<string, string>} */
export const STATES = { ok: "badge ok", error: "badge error", running: "badge warn", not_run: "badge" };
/** A state as a word. @param {string} status */
export const said = (status) => status.replace("not_run", "not run").replace("error", "failed");

/** Another run beside this one; which one is chosen first. @param {At} at @param {any} run */
export function beside({ trace, span }, run) {
  const other = param("with") ?? "";
  if (!/^[0-9a-f]{32}\/[0-9a-f]{16}$/.test(other)) return others({ trace, span }, run);
  const asked = loaded((abort) => compareRuns(trace, span, other, abort));
  return h(
    "section.page-body.stack",
    { "aria-label": "Two runs" },
    h(
      "div.row",
      null,
      h("h2", null, "This run beside "),
      h("a", { href: href(`workflows/${other}`) }, "the other"),
      h("a.button", { href: hrefHere({ with: "?" }) }, "Another one"),
    ),
    stateOf(asked, ({ nodes, first_difference }) => [
      h(
        "p",
        null,
        first_difference
          ? [
            "Their states differ first ",
            h(
              "a",
              { href: href(`workflows/${trace}/${span}`, { step: first_difference.step }) },
              first_difference.step ? `after step ${first_difference.step}` : "at the start",
            ),
            ", at ",
            h("code", null, first_difference.path || "/"),
            ".",
          ]
          : "Their states never differ, or are not known.",
      ),
      h(
        "div.scroll-x",
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
              ["Node", "This run", "The other", "Difference", "What they changed"].map((name) => h("th", null, name)),
            ),
          ),
          h("tbody", null, nodes.map(pair)),
        ),
      ),
    ]),
  );
}

/** @param {{ label: string, a: any, b: any }} nodes */
const pair = ({ label, a, b }) =>
  h(
    "tr",
    null,
    h("td", null, h("bdi", null, label)),
    h("td", null, took2(a)),
    h("td", null, took2(b)),
    h(
      "td",
      null,
      a && b ? apart(a.duration_ns, b.duration_ns) : h("span.badge.warn", null, a ? "only here" : "only there"),
    ),
    h("td.muted", null, alike(a, b)),
  );

/** @param {any} one */
const took2 = (one) =>
  one &&
  [
    h("span", { class: STATES[one.status] ?? "badge" }, said(one.status)),
    " ",
    [durationText(one.duration_ns), tokensText(one.tokens), moneyText(one.cost_usd)].filter(Boolean).join(" · "),
  ];

/** @param {number | null} a @param {number | null} b */
const apart = (
  a,
  b,
) => (a && b ? `${b >= a ? "+" : "−"}${durationText(Math.abs(b - a))} (×${Number((b / a).toPrecision(2))})` : "");

/** @param {any} a @param {any} b */
function alike(a, b) {
  if (!a || !b) return "";
  if (JSON.stringify(a.patch) === JSON.stringify(b.patch)) return a.patch.length ? "the same" : "nothing";
  return h(
    "details",
    null,
    h("summary.is-warn", null, "not the same"),
    h("div.row", null, text(pretty(a.patch)), text(pretty(b.patch))),
  );
}

/** @param {At} at @param {any} run */
function others({ trace, span }, run) {
  const asked = loaded((abort) =>
    listSpans({ q: `type:${run.kind} name:${JSON.stringify(run.name)}`, limit: 50 }, abort)
  );
  return h(
    "section.page-body.stack",
    { "aria-label": "Runs to compare with" },
    h("h2", null, "Compare with"),
    stateOf(asked, ({ spans }) => {
      const rest = spans.filter((each) => each.trace_id !== trace || each.span_id !== span);
      if (!rest.length) return empty("There is no other run of this name");
      return h(
        "ul.run-others",
        null,
        rest.map((each) =>
          h(
            "li",
            null,
            h(
              "a",
              { href: hrefHere({ with: `${each.trace_id}/${each.span_id}` }) },
              timeOf(each.start_time),
              " ",
              h("bdi", null, each.service),
            ),
            " ",
            h("span.muted", null, durationText(each.duration_ns)),
            " ",
            each.status === "error" && h("span.badge.error", null, "failed"),
          )
        ),
      );
    }),
  );
}
