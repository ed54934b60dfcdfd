// @ts-check
/** A list whose elements stay the same elements while its items move. */
import { effect, onEnd, scope, signal, untracked } from "./signal.js";

/** @template T @typedef {import("./signal.js").Signal<T>} Signal */

/**
 * Keep the children of an element equal to the items: one child for each key, moved rather than made anew.
 * @template T @template {Element} E @param {E} parent @param {() => readonly T[]} items @param {(item: T) => string | number} key unique among the items
 * @param {(item: Signal<T>) => Element} render called once for each key; `item.value` changes
 * @returns {E} the parent
 */
export function keyed(parent, items, key, render) {
  const rows = /** @type {Map<string | number, { item: Signal<T>, node: Element, end: () => void }>} */ (new Map());

  /** @param {T} value */
  function added(value) {
    const item = signal(value);
    const { result: node, end } = scope(() => render(item));
    const row = { item, node, end };
    rows.set(key(value), row);
    return row;
  }

  /** @param {readonly T[]} now */
  function reconcile(now) {
    const wanted = new Set(now.map(key));
    for (const [name, row] of rows) {
      if (wanted.has(name)) continue;
      row.end();
      row.node.remove();
      rows.delete(name);
    }
    let place = /** @type {Element | null} */ (parent.firstElementChild);
    for (const value of now) {
      const row = rows.get(key(value)) ?? added(value);
      row.item.value = value;
      if (place === row.node) place = place.nextElementSibling;
      else parent.insertBefore(row.node, place);
    }
  }

  effect(() => {
    const now = items();
    untracked(() => reconcile(now));
  });
  onEnd(() => rows.forEach((row) => row.end()));
  return parent;
}
