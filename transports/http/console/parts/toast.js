// @ts-check
/** Short news at the edge, read out by screen readers. */
import { h } from "../kernel/view.js";

const SHOWN_FOR = 4000; // milliseconds

const place = h("div.toasts", { role: "status", "aria-live": "polite" });
export const toasts = () => place;

/** @param {string} text */
export function toast(text) {
  const shown = h("div", null, text);
  place.append(shown);
  setTimeout(() => shown.remove(), SHOWN_FOR);
}

/** Copy, and say so. @param {string} text @param {string} [what] */
export async function copy(text, what = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    toast("The browser did not allow copying. Select the text instead.");
  }
}
