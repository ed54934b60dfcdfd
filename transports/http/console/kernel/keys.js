// @ts-check
/** The one table of keys: what is pressed, what `?` shows and what the palette offers. */
import { onEnd, signal } from "./signal.js";

/**
 * @typedef {object} Command
 * @property {string} keys such as `j`, `Shift+j`, `Mod+k` (Ctrl or ⌘), `g t` (one after the other), or "" for none
 * @property {string} label
 * @property {string} group a heading in the list of keys
 * @property {(event?: KeyboardEvent) => void} run
 * @property {boolean} [whileTyping] also when the focus is in a field
 * @property {boolean} [quiet] not in the palette: it moves within what one sees
 */

const table = signal(/** @type {readonly Command[]} */ ([]));
/** All commands that hold now, the newest first. */
export const commands = () => table.value;

/** Add commands for as long as the scope is open. A later one with the same keys goes before. @param {Command[]} added */
export function keys(added) {
  table.value = [...added, ...table.last];
  onEnd(() => void (table.value = table.last.filter((each) => !added.includes(each))));
}

let [pressed, since] = ["", 0];
const MOST_BETWEEN = 1000; // milliseconds between two keys of one command

/** Listen for keys. Called once. */
export function followKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = nameOf(event);
    const before = event.timeStamp - since < MOST_BETWEEN ? pressed : "";
    const found = matching(`${before} ${name}`.trim(), event) ?? matching(name, event);
    [pressed, since] = [found ? "" : name, event.timeStamp];
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
}

/** @param {string} wanted @param {KeyboardEvent} event */
function matching(wanted, event) {
  const typing = isTyping(event.target, event.key);
  return table.value.find((each) => each.keys.split(" | ").includes(wanted) && (!typing || each.whileTyping));
}

/** @param {KeyboardEvent} event */
function nameOf(event) {
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  const alt = event.altKey ? "Alt+" : "";
  const letter = event.key.length === 1 && event.key !== " ";
  // A sign such as `?` says by itself that Shift is held; a letter does not.
  const shift = event.shiftKey && (!letter || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  return mod + alt + shift + (event.key === " " ? "Space" : letter ? event.key.toLowerCase() : event.key);
}

/** Whether the key is the element's own: of a field, of a dialog, of a button that it presses. @param {EventTarget | null} target @param {string} key */
function isTyping(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if ((key === "Enter" || key === " ") && target.closest("a[href], button, summary")) return true;
  return target.matches(
    "dialog *, textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=range])",
  );
}
