// @ts-check
/** What settings are made of: tables with actions, forms that say what was wrong, and things that are shown once. */
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { icon } from "./icon.js";
import { copy, toast } from "./toast.js";

/** @typedef {import("../kernel/view.js").Child} Child */

/** @param {string[]} heads @param {Child[][]} rows @param {string} [nothing] */
export const tableOf = (heads, rows, nothing = "There is none.") =>
  rows.length
    ? h(
      "div.scroll-x",
      { tabindex: "0", role: "group" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, heads.map((head) => h("th", null, head)))),
        h("tbody", null, rows.map((cells) => h("tr", null, cells.map((cell) => h("td", null, cell))))),
      ),
    )
    : h("p.muted", null, nothing);

/**
 * A form whose answer or fault is shown in it.
 * @param {Child[]} fields @param {string} label of its button
 * @param {(values: Record<string, string>, form: HTMLFormElement) => Promise<unknown>} submit what it throws is said
 */
export function formOf(fields, label, submit) {
  const [said, busy] = [signal(""), signal(false)];
  /** @param {SubmitEvent} event */
  async function onsubmit(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    busy.value = true;
    said.value = "";
    try {
      await submit(/** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form))), form);
      form.reset();
    } catch (error) {
      said.value = sentence(error);
    }
    busy.value = false;
  }
  return h(
    "form.form",
    { onsubmit },
    h("div.form-fields", null, fields),
    () => said.value && h("p.is-error", { role: "alert" }, said.value),
    h("div", null, h("button.primary", { disabled: () => busy.value }, label)),
  );
}

/** What went wrong: the studio's own words, by the field that they are about. @param {any} error */
export function sentence(error) {
  const faults = /** @type {{ loc: (string | number)[], msg: string }[]} */ (error?.faults ?? []);
  if (faults.length) return faults.map(({ loc, msg }) => `${loc.slice(1).join(".") || "It"}: ${msg}`).join(" ");
  return error instanceof Error ? error.message : String(error);
}

/** A button that asks once more before it does what cannot be undone. @param {string} label @param {() => Promise<unknown>} act @param {string} [done] */
export function sure(label, act, done) {
  const asked = signal(false);
  const press = async () => {
    if (!asked.last) return void (asked.value = true);
    asked.value = false;
    await doing(act, done);
  };
  return h(
    "button.plain.danger",
    { onclick: press, onblur: () => void (asked.value = false) },
    () => (asked.value ? `${label}: sure?` : label),
  );
}

/** Do it, and say what came of it. @param {() => Promise<unknown>} act @param {string} [done] */
export async function doing(act, done) {
  try {
    await act();
    if (done) toast(done);
  } catch (error) {
    toast(sentence(error));
  }
}

/** @param {string} label @param {string} name @param {Record<string, unknown>} [properties] @param {string} [hint] */
export const field = (label, name, properties = {}, hint) =>
  h("label.field", null, label, h("input", { name, ...properties }), hint && h("span.hint", null, hint));

/** @param {string} label @param {string} name @param {readonly (readonly [string, string])[]} options */
export const choose = (label, name, options) =>
  h("label.field", null, label, h("select", { name }, options.map(([value, text]) => h("option", { value }, text))));

/** A secret that is told this once. @param {string} secret @param {string} what */
export const once = (secret, what) =>
  h(
    "div.card.form-once",
    { role: "status" },
    h("p", null, `${what} It is shown this once.`),
    h(
      "div.row",
      null,
      h("code.grow", null, secret),
      h("button", { onclick: () => copy(secret) }, icon("copy"), "Copy"),
    ),
  );
