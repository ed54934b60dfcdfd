// @ts-check
/** All commands that hold now, found by typing; with `?` typed, the list of keys by group. */
import { commands } from "../kernel/keys.js";
import { computed, scope, signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";

/** @typedef {import("../kernel/keys.js").Command} Command */

/** Open it over the page. @param {string} typed */
export function openPalette(typed) {
  if (document.querySelector("dialog.palette")) return;
  const { result: dialog, end } = scope(() => made(typed));
  dialog.addEventListener("close", () => [end(), dialog.remove()]);
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {string} typed */
function made(typed) {
  const [text, at] = [signal(typed), signal(0)];
  const found = computed(() => matching(text.value));
  const dialog = h("dialog.palette", {
    "aria-label": "Commands",
    onclick: (/** @type {Event} */ event) => event.target === dialog && dialog.close(),
  });

  /** @param {Command | undefined} command */
  function run(command) {
    dialog.close();
    command?.run();
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Enter") run(found.value[at.value]);
    else if (step) at.value = (at.value + step + found.value.length) % Math.max(1, found.value.length);
    else return;
    event.preventDefault();
  }

  /** @param {Command} command @param {number} index */
  const option = (command, index) =>
    h(
      "div",
      {
        id: `command-${index}`,
        role: "option",
        "aria-selected": () => String(at.value === index),
        onclick: () => run(command),
      },
      h("span.faint", null, command.group),
      h("span.grow", null, command.label),
      command.keys && h("span", null, command.keys.split(" | ").map((each) => [h("kbd", null, shownKey(each)), " "])),
    );

  dialog.append(
    h("input", {
      role: "combobox",
      "aria-label": "Command",
      "aria-expanded": "true",
      "aria-controls": "commands",
      "aria-activedescendant": () => `command-${at.value}`,
      placeholder: "What do you want to do?  ? lists all keys",
      ".value": typed,
      autofocus: true,
      oninput: (/** @type {any} */ event) => [text.value = event.target.value, at.value = 0],
      onkeydown: move,
    }),
    h("div.options", { id: "commands", role: "listbox", "aria-label": "Commands" }, () => found.value.map(option)),
  );
  return dialog;
}

/** @param {string} text @returns {Command[]} */
function matching(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const seen = new Set();
  return commands().filter((each) => {
    const label = `${each.group} ${each.label}`.toLowerCase();
    const wanted = text.startsWith("?") ? each.keys !== "" : !each.quiet && words.every((word) => label.includes(word));
    if (!wanted || seen.has(label)) return false;
    return seen.add(label);
  });
}

/** @param {string} keys */
const shownKey = (keys) =>
  keys.replaceAll("Mod+", /Mac/.test(navigator.platform) ? "⌘" : "Ctrl ").replaceAll("Shift+", "⇧").replaceAll(
    "ArrowDown",
    "↓",
  ).replaceAll("ArrowUp", "↑").replaceAll("ArrowLeft", "←").replaceAll("ArrowRight", "→");
