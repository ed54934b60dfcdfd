// @ts-check
/** From the address to the page. Read this first: the table below says which page is shown where. */
import { account, whoAmI } from "./api/studio.js";
import { followLinks, here, href } from "./kernel/address.js";
import { followKeys } from "./kernel/keys.js";
import { effect, scope, signal, untracked } from "./kernel/signal.js";
import { h } from "./kernel/view.js";
import { shell } from "./shell.js";

/**
 * @typedef {object} Page what a page's module gives
 * @property {string} title
 * @property {(at: Record<string, string>) => import("./kernel/view.js").Child} show what it shows; `at` has the parts of
 *   its address that the table names, decoded. Called once for each of them; parameters of the query are read as signals.
 * @property {boolean} [open] whether it is shown without a sign-in
 */

/** @type {[pattern: string, module: string][]} */
const PAGES = [
  ["", "traces"],
  ["start", "start"],
  ["traces", "traces"],
  ["traces/:trace", "trace"],
  ["compare", "compare"],
  ["workflows/:trace/:span", "workflow"],
  ["sessions", "sessions"],
  ["sessions/:session", "session"],
  ["playground", "playground"],
  ["dashboard", "dashboard"],
  ["live", "live"],
  ["sql", "sql"],
  ["settings", "settings"],
  ["settings/:section", "settings"],
  ["audit", "audit"],
];

/** @returns {{ module: string, at: Record<string, string> }} */
function place() {
  const parts = here().split("/");
  for (const [pattern, module] of PAGES) {
    const names = pattern.split("/");
    if (names.length !== parts.length) continue;
    if (!names.every((name, index) => (name.startsWith(":") ? parts[index] : name === parts[index]))) continue;
    const found = names.flatMap((name, index) =>
      name.startsWith(":") ? [[name.slice(1), text(parts[index] ?? "")]] : []
    );
    return { module, at: Object.fromEntries(found) };
  }
  return { module: "", at: {} };
}

/** @param {string} encoded */
function text(encoded) {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

const RELOADED = "reloaded"; // in the history, of an address

const nowhere = {
  title: "Nothing here",
  show: () =>
    h(
      "section.empty",
      null,
      h("h2", null, "There is no such page"),
      h("a.button", { href: href("traces") }, "All traces"),
    ),
};

/** @param {string} module @returns {Promise<Page>} */
async function load(module) {
  if (!module) return nowhere;
  return await import(`./pages/${module}.js`);
}

/** Show the page of the address in the outlet, and the sign-in in its place while nobody is signed in. @param {Element} outlet */
function showPages(outlet) {
  const shown = signal(/** @type {{ page: Page, at: Record<string, string> } | null} */ (null));
  let key = "";
  effect(() => {
    const { module, at } = account.value === null ? { module: "sign_in", at: {} } : place();
    const wanted = JSON.stringify([module, at]);
    if (account.value === undefined || wanted === key) return;
    key = wanted;
    load(module).then((page) => {
      if (wanted === key) shown.value = { page, at };
    }, () => whoAmI().then(() => reloaded() || (shown.value = { page: nowhere, at: {} }), () => void (key = "")));
  });
  effect(() => {
    const now = shown.value;
    if (!now) return;
    document.title = `${now.page.title} · Junjo AI Studio`;
    const { result, end } = scope(() => untracked(() => h("div.page", null, now.page.show(now.at))));
    outlet.replaceChildren(result);
    return end;
  });
}

/** The files of a page are gone when the studio was updated meanwhile: the new ones are a reload away, but only one. */
function reloaded() {
  if (history.state === RELOADED) return false;
  history.replaceState(RELOADED, "");
  location.reload();
  return true;
}

followLinks();
followKeys();
const outlet = h("main", { id: "main", tabindex: "-1" });
document.body.replaceChildren(...shell(outlet));
showPages(outlet);
load(place().module).catch(() => {}); // beside the question who is signed in
whoAmI().catch(() => {});
