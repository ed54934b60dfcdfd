// @ts-check
/** What a page shows while it waits, when there is nothing, and when it was refused. */
import { h } from "../kernel/view.js";

/** @typedef {import("../kernel/view.js").Child} Child */

/** Grey rows of the height of what comes, so that nothing jumps. @param {number} count @param {string} [height] */
export const skeletons = (count, height = "var(--row)") =>
  h(
    "div.skeletons",
    { role: "status", "aria-label": "Loading", "--height": height },
    Array.from({ length: count }, () => h("div.skeleton")),
  );

/** @param {string} title @param {...Child} children what to do about it */
export const empty = (title, ...children) => h("section.empty", null, h("h2", null, title), children);

/** The studio's sentence, and a button to ask again. @param {Error | null} error @param {() => void} again */
export const failed = (error, again) =>
  h(
    "section.empty",
    { role: "alert" },
    h("h2", null, "This could not be shown"),
    h("p.is-error", null, error?.message ?? ""),
    h("button", { onclick: again }, "Try again"),
  );

/**
 * What was asked for, in its three states. A value that is there stays while it is asked for anew.
 * @template T
 * @param {ReturnType<typeof import("../api/loaded.js").loaded<T>>} asked
 * @param {(value: T) => Child} show called once for each value @param {() => Child} [waiting]
 */
export const stateOf = (asked, show, waiting = () => skeletons(8)) => () => {
  if (asked.error.value) return failed(asked.error.value, asked.again);
  return asked.value.value === null ? waiting() : show(asked.value.value);
};
