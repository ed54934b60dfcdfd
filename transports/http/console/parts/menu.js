// @ts-check
/** A button that opens something small beside it. */
import { signal } from "../kernel/signal.js";
import { h, listen } from "../kernel/view.js";

/** @typedef {import("../kernel/view.js").Child} Child */

/**
 * Escape and a press elsewhere close it.
 * @param {() => Child} label @param {string} name what it is @param {(close: () => void) => Child} show called when it opens
 */
export function menu(label, name, show) {
  const open = signal(false);
  const button = h("button", {
    "aria-expanded": () => String(open.value),
    onclick: () => void (open.value = !open.last),
  }, label);
  const close = () => void [open.value = false, button.focus()];
  const place = h(
    "div.menu",
    null,
    button,
    () => open.value && h("div.floating", { role: "group", "aria-label": name }, show(close)),
  );
  listen(document, "click", (event) => {
    // What is pressed may be gone from the document by now.
    if (!event.composedPath().includes(place)) open.value = false;
  });
  listen(place, "keydown", (event) => {
    if (event.key !== "Escape" || !open.last) return;
    event.preventDefault();
    close();
  });
  return place;
}
