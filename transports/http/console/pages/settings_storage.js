// @ts-check
/** Settings: what is stored, for how long, and what is being done with it. */
import { getRetention, healthDetails, previewRetention, setRetention } from "../api/admin.js";
import { loaded } from "../api/loaded.js";
import { account } from "../api/studio.js";
import { effect, signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { bytesText, counted, countText } from "../model/format.js";
import { doing, sentence, sure, tableOf } from "../parts/forms.js";
import { stateOf } from "../parts/states.js";
import { timeOf } from "../parts/trace-list.js";

const TYPING = 250; // milliseconds without a key after which it is asked what a rule would delete
const AGAIN = 2000; // milliseconds after which it is looked again for what goes
const SAVED = "This is kept from now on.";

export function storageSection() {
  const asked = loaded((abort) => healthDetails(abort));
  return stateOf(asked, (found) => [
    h(
      "section.card.stack",
      null,
      h(
        "div.row",
        null,
        h("h2.grow", null, "Health"),
        h("span", { class: found.status === "ok" ? "badge ok" : "badge warn" }, found.status),
      ),
      found.problems.map((/** @type {string} */ problem) => h("p.is-error", null, problem)),
      !found.problems.length && h("p.muted", null, `Nothing is wrong. Version ${found.version}.`),
    ),
    h(
      "section.card.stack",
      null,
      h("div.row", null, h("h2.grow", null, "What is stored"), h("button", { onclick: asked.again }, "Ask again")),
      tableOf(["Part", "Spans", "Size"], [[
        "In memory, and in the WAL",
        countText(found.store.recent_spans),
        bytesText(found.store.recent_bytes),
      ], [
        `In ${countText(found.store.segments)} segments`,
        countText(found.store.sealed_spans),
        bytesText(found.store.segment_bytes),
      ]]),
    ),
    retention(),
    found.background.length > 0 &&
    h(
      "section.card.stack",
      null,
      h("h2", null, "What is being done"),
      found.background.map((/** @type {any} */ each) =>
        h(
          "div.row",
          null,
          h("span.grow", null, each.job),
          h("progress", { value: each.done, max: each.of, "aria-label": each.job }),
          h("span.muted", null, `${countText(each.done)} of ${countText(each.of)}`),
        )
      ),
    ),
  ]);
}

/** Which spans are kept. What a rule would delete is said before it is saved. */
function retention() {
  const asked = loaded((abort) => getRetention(abort));
  return h(
    "section.card.stack",
    null,
    h("h2", null, "Retention"),
    stateOf(asked, (rule) => (account.value?.role === "admin" ? rules(rule, asked.again) : h("p", null, said(rule)))),
  );
}

/** @param {any} rule */
const said = ({ days, gb }) =>
  [
    days !== null && `Spans are kept for ${counted(days, "day")}.`,
    gb !== null && `They may take ${gb} GB; the oldest go first.`,
  ].filter(Boolean).join(" ") || "Spans are kept for ever.";

/** @param {any} rule @param {() => void} again */
function rules(rule, again) {
  const [days, gb] = [signal(textOf(rule.days)), signal(textOf(rule.gb))];
  const wanted = () => ({ days: numberIn(days.value), gb: numberIn(gb.value) });
  const preview = loaded(async (abort) => {
    const asked = wanted();
    await new Promise((rested) => setTimeout(rested, TYPING));
    abort.throwIfAborted();
    return { ...await previewRetention(asked, abort), asked };
  });
  const counts = (/** @type {any} */ { asked }) => asked.days === rule.days && asked.gb === rule.gb;
  effect(() => {
    const found = preview.value.value;
    if (!found?.spans || !counts(found)) return;
    const timer = setTimeout(preview.again, AGAIN);
    return () => clearTimeout(timer);
  });
  const save = (/** @type {any} */ asked) => async () => [await setRetention(asked), again()];
  return [
    h(
      "div.form-fields",
      null,
      bound("Days", days, rule.days_set_by, "JUNJO_RETENTION_DAYS"),
      bound("Gigabytes", gb, rule.gb_set_by, "JUNJO_RETENTION_GB"),
    ),
    h("div", { role: "status" }, () => {
      if (preview.error.value) return h("p.is-error", null, sentence(preview.error.value));
      const found = preview.value.value;
      const now = wanted();
      // What is said, and saved, is of what is typed now.
      if (found?.asked.days !== now.days || found.asked.gb !== now.gb) {
        return h("p.muted", null, "Looking for what this would delete …");
      }
      return [
        h("p", null, counts(found) ? "This is the rule that counts. " : null, ...deleted(found, counts(found))),
        found.waits && h("p.muted", null, found.waits),
        counts(found)
          ? null
          : found.spans
          ? sure("Delete these and save", save(found.asked), SAVED)
          : h("button.primary", { onclick: () => doing(save(found.asked), SAVED) }, "Save"),
      ];
    }),
  ];
}

/** @param {any} preview @param {boolean} counts @returns {import("../kernel/view.js").Child[]} */
const deleted = ({ spans, files, bytes, oldest_start }, counts) => [
  counts ? (spans ? "Within seconds it deletes " : "") : `It would delete ${spans ? "" : "nothing now. "}`,
  spans > 0 && `${counted(spans, "span")}${files ? `, ${counted(files, "whole file")} of ${bytesText(bytes)}` : ""}. `,
  oldest_start ? ["The oldest in a file that stays is of ", timeOf(oldest_start), "."] : null,
];

/** @param {string} label @param {import("../kernel/signal.js").Signal<string>} value @param {string | null} setBy @param {string} variable */
const bound = (label, value, setBy, variable) =>
  h(
    "label.field",
    null,
    label,
    h("input", {
      inputmode: "decimal",
      placeholder: "no bound",
      ".value": value.last,
      disabled: setBy === "environment",
      oninput: (/** @type {any} */ event) => void (value.value = event.target.value),
    }),
    setBy === "environment" && h("span.hint", null, h("code", null, variable), " says this"),
  );

/** @param {number | null} value */
const textOf = (value) => (value === null ? "" : String(value));
/** What is no number is sent as it is, for the studio to refuse. @param {string} text @returns {any} */
const numberIn = (text) => {
  const given = text.trim().replace(",", ".");
  return given === "" ? null : Number.isNaN(Number(given)) ? given : Number(given);
};
