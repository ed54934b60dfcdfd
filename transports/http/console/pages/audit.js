// @ts-check
/** Who did what: the audit trail. */
import { listAudit } from "../api/admin.js";
import { paged } from "../api/lists.js";
import { account } from "../api/studio.js";
import { param, setParams } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { h, part } from "../kernel/view.js";
import { tableOf } from "../parts/forms.js";
import { empty, failed, skeletons } from "../parts/states.js";
import { range, TimeRange } from "../parts/time-range.js";
import { timeOf } from "../parts/trace-list.js";

export const title = "Audit";

const OUTCOMES = ["", "ok", "refused", "failed"];

export function show() {
  if (account.last?.role !== "admin") {
    return [
      h("header.page-head", null, h("h1", null, "Audit")),
      empty("Admins read the audit trail", "Ask one of them what you want to know."),
    ];
  }
  const asked = paged(async (after, abort) => {
    const { entries, next } = await listAudit({
      actor: param("actor"),
      action: param("action"),
      outcome: param("outcome"),
      ...range(),
      limit: 100,
      after,
    }, abort);
    return { items: entries, next };
  });
  keys([{ keys: "r", label: "Ask again", group: "Audit", run: asked.again }]);
  return [
    h(
      "header.page-head",
      null,
      h("h1", null, "Audit"),
      h(
        "div.end",
        null,
        filter("actor", "Who: an e-mail"),
        filter("action", "What, such as auth_sign_in"),
        h(
          "select",
          {
            "aria-label": "Outcome",
            onchange: (/** @type {any} */ event) => setParams({ outcome: event.target.value }, { push: true }),
          },
          OUTCOMES.map((each) =>
            h("option", { value: each, selected: each === (param("outcome") ?? "") }, each || "any outcome")
          ),
        ),
        part(TimeRange),
      ),
    ),
    h("div.page-body", null, () => body(asked)),
  ];
}

/** @param {string} name @param {string} label */
const filter = (name, label) =>
  h("input", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    ".value": param(name) ?? "",
    onchange: (/** @type {any} */ event) => setParams({ [name]: event.target.value.trim() }, { push: true }),
  });

/** @param {ReturnType<typeof paged<any>>} asked */
function body(asked) {
  if (asked.error.value) return failed(asked.error.value, asked.again);
  if (!asked.items.value.length) {
    return asked.state.value === "ready" ? empty("Nothing of that was recorded") : skeletons(10);
  }
  return [
    tableOf(["When", "Who", "What", "On", "Outcome", "From", "Details"], asked.items.value.map(row)),
    asked.next.value &&
    h("div.row", null, h("button", { onclick: asked.more, disabled: asked.state.value === "more" }, "Earlier entries")),
  ];
}

/** @param {any} entry @returns {import("../kernel/view.js").Child[]} */
const row = ({ time, actor, action, resource_type, resource_id, outcome, address, details }) => [
  timeOf(time),
  h("bdi", { title: actor.key_id ? `with the key ${actor.key_id}` : null }, actor.email, actor.key_id && " (key)"),
  h("code", null, action),
  h("span", null, resource_type, " ", h("bdi.faint.mono", null, resource_id)),
  h("span", { class: outcome === "ok" ? "badge ok" : "badge error" }, outcome),
  h("span.mono", null, address),
  Object.keys(details).length > 0 && h("code.audit-details", null, JSON.stringify(details)),
];
