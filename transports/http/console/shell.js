// @ts-check
/** What stands around every page: navigation, the palette, the scheme, and whether the studio answers. */
import { account, connected, signOut, whoAmI } from "./api/studio.js";
import { BASE, go, here, href } from "./kernel/address.js";
import { keys } from "./kernel/keys.js";
import { effect, signal } from "./kernel/signal.js";
import { h, listen } from "./kernel/view.js";
import { icon } from "./parts/icon.js";
import { toasts } from "./parts/toast.js";

/** @type {[path: string, label: string, picture: Parameters<typeof icon>[0], keys: string][]} */
const PLACES = [
  ["traces", "Traces", "traces", "g t"],
  ["live", "Live", "live", "g l"],
  ["dashboard", "Dashboard", "dashboard", "g d"],
  ["sessions", "Sessions", "sessions", "g s"],
  ["playground", "Playground", "playground", "g p"],
  ["sql", "SQL", "sql", "g q"],
];
/** @type {typeof PLACES} */
const BELOW = [
  ["start", "Send spans", "start", "g h"],
  ["settings", "Settings", "settings", "g ,"],
  ["audit", "Audit", "audit", "g a"],
];
const SCHEMES = ["system", "light", "dark"];
const SCHEME = "junjo.scheme"; // in the browser's own storage
const BETWEEN_TRIES = 3000; // milliseconds

const open = signal(false);
const scheme = signal(stored(SCHEME) ?? "system");

/** All that is in the body, around the outlet of the pages. @param {HTMLElement} outlet */
export function shell(outlet) {
  keys([
    ...[...PLACES, ...BELOW].map(([path, label, , pressed]) => (
      { keys: pressed, label, group: "Go to", run: () => go(href(path)) }
    )),
    { keys: "Mod+k", label: "All commands", group: "Everywhere", whileTyping: true, run: () => palette("") },
    { keys: "?", label: "All keys", group: "Everywhere", run: () => palette("?") },
    { keys: "Shift+d", label: "Light or dark", group: "Everywhere", run: nextScheme },
  ]);
  effect(() => {
    if (scheme.value === "system") delete document.documentElement.dataset["scheme"];
    else document.documentElement.dataset["scheme"] = scheme.value;
  });
  effect(askUntilThere);
  listen(document, "click", (event) => {
    if (!event.target.closest(".menu-button")) open.value = false;
  });
  return [
    h(
      "a.skip",
      { href: "#main", onclick: (/** @type {Event} */ event) => [event.preventDefault(), outlet.focus()] },
      "To the page",
    ),
    navigation(),
    h("div.shell-main", null, h("div", { role: "status" }, disconnected), outlet),
    toasts(),
  ];
}

const disconnected = () =>
  !connected.value && h("div.banner", null, icon("warning"), "The studio does not answer. Trying again …");

function askUntilThere() {
  if (connected.value) return;
  const timer = setInterval(() => whoAmI().catch(() => {}), BETWEEN_TRIES);
  return () => clearInterval(timer);
}

function navigation() {
  const shown = () => (open.value ? "open" : "");
  const press = () => void (open.value = !open.value);
  return h(
    "div.navigation",
    { hidden: () => !account.value },
    h(
      "button.square.menu-button",
      { "aria-label": "Menu", "aria-expanded": () => String(open.value), onclick: press },
      icon("menu"),
    ),
    h(
      "nav",
      { class: shown, "aria-label": "Pages" },
      h(
        "a.brand",
        { href: href("traces") },
        h("img", { src: new URL("style/icon.svg", import.meta.url).href, alt: "" }),
        "Junjo AI Studio",
      ),
      PLACES.map(item),
      h("div.space"),
      h(
        "button.item",
        { onclick: () => palette("") },
        icon("search"),
        "Commands",
        h("kbd", null, /Mac/.test(navigator.platform) ? "⌘K" : "Ctrl K"),
      ),
      BELOW.map(item),
      h("button.item", { onclick: nextScheme }, icon("sun"), () => `Scheme: ${scheme.value}`),
      h(
        "button.item",
        { onclick: leave, title: () => account.value?.email ?? "" },
        icon("person"),
        h("span.cut", null, () => `Sign out ${account.value?.email ?? ""}`),
      ),
    ),
  );
}

/** @param {typeof PLACES[number]} place */
function item([path, label, picture]) {
  const current = () => (here() || "traces").split("/")[0] === path ? "page" : null;
  return h("a.item", { href: BASE + path, "aria-current": current }, icon(picture), label);
}

function nextScheme() {
  scheme.value = SCHEMES[(SCHEMES.indexOf(scheme.value) + 1) % SCHEMES.length] ?? "system";
  store(SCHEME, scheme.value);
}

const leave = () => signOut().catch(() => {});

/** @param {string} text what is typed in it at first */
const palette = async (text) => (await import("./parts/command-palette.js")).openPalette(text);

/** @param {string} name */
function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing for us shows the scheme until it is closed.
  }
}
