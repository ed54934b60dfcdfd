// @ts-check
/** DOM nodes from values. Strings are always text: nothing here can make markup of one. */
import { effect, onEnd, scope, untracked } from "./signal.js";

/** @typedef {Node | string | number | bigint | null | undefined | false} Leaf */
/** @typedef {Leaf | (() => unknown) | readonly (Leaf | (() => unknown) | readonly unknown[])[]} Child */
/** @typedef {Record<string, unknown>} Properties */
/** @template {string} N @typedef {N extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[N] : HTMLElement} Tagged */
/** @template T @typedef {import("./signal.js").Signal<T>} Signal */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element: `h("button.primary", { onclick, disabled: () => busy.value }, "Save")`.
 * `on…` is a listener, `.name` a property, `--name` a CSS variable, anything else an attribute (false and null leave
 * it out). A function in place of a value or a child is read again when a signal in it changes.
 * @template {string} T @param {T} tag @param {Properties | null} [properties] @param {...Child} children
 * @returns {Tagged<T extends `${infer N}.${string}` ? N : T>}
 */
export function h(tag, properties, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  return dress(/** @type {any} */ (element), classes, properties, children);
}

/** Make an SVG element, as `h` makes one of HTML. @param {string} tag @param {Properties | null} [properties] @param {...Child} children @returns {SVGElement} */
export function s(tag, properties, ...children) {
  const [name, ...classes] = tag.split(".");
  return dress(document.createElementNS(SVG, name || "g"), classes, properties, children);
}

/**
 * Make a part and give it its inputs: `part(Rows, { count: () => rows.value.length, height: 28 }, { onpick })`.
 * @template {HTMLElement} T
 * @param {new () => T} Class @param {{ [K in keyof T]?: T[K] extends Signal<infer V> ? V | (() => V) : never }} [inputs]
 * @param {Properties} [properties]
 * @returns {T}
 */
export function part(Class, inputs, properties) {
  const made = new Class();
  for (const [name, input] of Object.entries(inputs ?? {})) {
    const target = /** @type {Signal<unknown>} */ (Reflect.get(made, name));
    if (typeof input === "function") effect(() => void (target.value = input()));
    else target.value = input;
  }
  return dress(made, [], properties, []);
}

/** @template {Element} T @param {T} element @param {string[]} classes @param {Properties | null | undefined} properties @param {Child[]} children @returns {T} */
function dress(element, classes, properties, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (typeof value === "function") effect(() => set(element, name, value()));
    else set(element, name, value);
  }
  element.append(...children.flatMap(nodes));
  return element;
}

/** @param {Element} element @param {string} name @param {unknown} value */
function set(element, name, value) {
  if (name.startsWith(".")) Reflect.set(element, name.slice(1), value);
  else if (name.startsWith("--")) /** @type {HTMLElement} */ (element).style.setProperty(name, String(value));
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Child} child @returns {Node[]} */
function nodes(child) {
  if (child === null || child === undefined || child === false) return [];
  if (child instanceof Node) return [child];
  if (typeof child === "function") return changing(/** @type {() => Child} */ (child));
  if (typeof child === "object") return /** @type {Child[]} */ (child).flatMap(nodes);
  return [document.createTextNode(String(child))];
}

/** Nodes between two empty texts, made anew when what they were made from changes. @param {() => Child} make @returns {Node[]} */
function changing(make) {
  const [start, end] = [document.createTextNode(""), document.createTextNode("")];
  let first = /** @type {Node[]} */ ([]);
  effect(() => {
    const made = nodes(make());
    if (!start.parentNode) return void (first = made);
    while (start.nextSibling && start.nextSibling !== end) start.nextSibling.remove();
    start.after(...made);
  });
  return [start, ...first, end];
}

/** A custom element whose inputs are signals in its fields. What `render` makes ends when it leaves the document. */
export class Part extends HTMLElement {
  #end = /** @type {(() => void) | null} */ (null);

  connectedCallback() {
    if (this.#end) return;
    const { result, end } = scope(() => untracked(() => nodes(this.render())));
    this.#end = end;
    this.replaceChildren(...result);
  }

  disconnectedCallback() {
    // A row that only moves is in the document again by then.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#end?.();
      this.#end = null;
    });
  }

  /** What the element shows. @returns {Child} */
  render() {
    return null;
  }

  /** Tell whoever listens. @param {string} name @param {unknown} [detail] */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** Register a part, once. @param {string} name @param {CustomElementConstructor} Class */
export const define = (name, Class) => customElements.get(name) ?? customElements.define(name, Class);

/** Listen for as long as the scope is open. @param {EventTarget} target @param {string} name @param {(event: any) => void} listener @param {AddEventListenerOptions} [options] */
export function listen(target, name, listener, options) {
  target.addEventListener(name, listener, options);
  onEnd(() => target.removeEventListener(name, listener, options));
}
