// @ts-check
/** The address of the page as a value: everything that one sees is in it. */
import { batch, signal, untracked } from "./signal.js";

// Files stand under PREFIX/console/-/HASH/, pages under PREFIX/console/.
const [prefix] = import.meta.url.split("/console/-/");
/** Where pages begin: `…/console/`. */
export const BASE = `${new URL(prefix ?? "/", location.href).pathname.replace(/\/$/, "")}/console/`;

const path = signal("");
const search = signal("");
/** @type {Map<string, import("./signal.js").Signal<string | null>>} */
const named = new Map();

/** The path below `/console/`, without slashes at its ends: `traces/4bf9…`. */
export const here = () => path.value;

/** A parameter of the query, or null: whoever reads it is told when it changes, and not when another does. @param {string} name */
export function param(name) {
  const known = named.get(name) ?? signal(untracked(params).get(name));
  return named.set(name, known) && known.value;
}

/** All parameters, as a copy. */
export const params = () => new URLSearchParams(search.value);

/** @typedef {Record<string, string | number | boolean | null | undefined>} Parameters */

/** The address of a page. Null, undefined, "" and false leave a parameter out. @param {string} to its path below `/console/`, encoded @param {Parameters} [parameters] */
export function href(to, parameters = {}) {
  const asked = with_(new URLSearchParams(), parameters).toString();
  return BASE + to + (asked && `?${asked}`);
}

/** This page with some parameters changed. @param {Parameters} parameters */
export function hrefHere(parameters) {
  const asked = with_(params(), parameters).toString();
  return BASE + path.value + (asked && `?${asked}`);
}

/** @param {URLSearchParams} query @param {Parameters} parameters */
function with_(query, parameters) {
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === "" || value === false) query.delete(name);
    else query.set(name, String(value));
  }
  return query;
}

/** Go to an address of ours. @param {string} to as `href` gives it @param {{ replace?: boolean }} [how] */
export function go(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  read();
}

/** Change parameters of this page. What one would go back from is pushed. @param {Parameters} parameters @param {{ push?: boolean }} [how] */
export const setParams = (parameters, { push = false } = {}) => go(hrefHere(parameters), { replace: !push });

function read() {
  batch(() => {
    path.value = location.pathname.slice(BASE.length).replace(/\/+$/, "");
    search.value = location.search;
    const now = new URLSearchParams(search.last);
    for (const [name, known] of named) known.value = now.get(name);
  });
}

/** Follow links and the browser's own buttons. Called once. */
export function followLinks() {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
      return;
    }
    const link = event.target instanceof Element && event.target.closest("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
    event.preventDefault();
    go(link.href);
  });
}
