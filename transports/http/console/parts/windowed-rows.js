// @ts-check
/** A list of rows of one height, of which only those in sight are in the document. */
import { batch, effect, scope, signal, untracked } from "../kernel/signal.js";
import { define, h, listen, Part } from "../kernel/view.js";

/** @template T @typedef {import("../kernel/signal.js").Signal<T>} Signal */
/** @typedef {{ item: Signal<any>, index: Signal<number>, node: HTMLElement, end: () => void }} Row */
/** @typedef {(item: Signal<any>, index: Signal<number>) => HTMLElement} Render */

const TALLEST = 8_000_000; // pixels: every browser can scroll through an element of that height
const BEYOND = 8; // rows that are there above and below what is in sight
const STILL = 120; // milliseconds without a scroll after which it has ended
let names = 0;

/**
 * Rows are told by `pick` that one is selected and by `open` that it was chosen: `event.detail` is its index. `window`
 * tells which are in the document. Elements are used again for other rows: what a row remembers belongs into its item.
 * With `kind` "grid" a row's children have the role `gridcell` and may be links; those of "listbox" are only looked at.
 */
export class WindowedRows extends Part {
  /** How many rows there are. */
  count = signal(0);
  /** The item of a row. A new function means that items have changed. */
  item = signal(/** @type {(index: number) => any} */ ((index) => index));
  /** What tells a row from all others, whatever its place. */
  key = signal(/** @type {(item: any, index: number) => string | number} */ ((_, index) => index));
  /** Called once for each element; its item and index change. */
  row = signal(/** @type {Render} */ ((_, index) => h("div", null, () => index.value)));
  /** Pixels of a row, or 0 for the height that rows have by `--row`. */
  height = signal(0);
  selected = signal(-1);
  kind = signal(/** @type {"listbox" | "grid"} */ ("listbox"));
  label = signal("");
  /** A row of headings that stays in sight, for grids. */
  head = signal(/** @type {HTMLElement | null} */ (null));

  #name = `rows-${++names}`;
  #view = signal(0);
  #top = signal(0); // pixels of all rows that are above what is in sight
  #scrolled = signal(0); // pixels that the element is scrolled by
  #expected = -1;
  #still = 0;
  #told = "";
  /** @type {Map<string | number, Row>} */
  #rows = new Map();
  #space = h("div.windowed-rows-space");
  #window = h("div.windowed-rows-window", { role: "presentation" });

  /** @override */
  render() {
    this.tabIndex = 0;
    this.#measure();
    this.#space.replaceChildren(this.#window);
    effect(() => this.#describe());
    effect(() => this.#draw());
    effect(() => this.#follow());
    listen(this, "scroll", () => this.#onscroll(), { passive: true });
    listen(this, "scrollend", () => this.#settle());
    listen(this, "keydown", (event) => this.#onkey(event));
    listen(this, "click", (event) => this.#onclick(event));
    listen(this, "dblclick", (event) => this.#open(this.#indexAt(event)));
    effect(() => {
      const observer = new ResizeObserver(() => this.#measure());
      observer.observe(this);
      return () => [observer.disconnect(), clearTimeout(this.#still), this.#endRows()];
    });
    return [() => this.head.value && h("div.windowed-rows-head", { role: "rowgroup" }, this.head.value), this.#space];
  }

  /** Select the row so many further down. @param {number} step */
  move(step) {
    const [last, from] = [this.count.last - 1, this.selected.last];
    if (last < 0) return;
    this.#pick(Math.max(0, Math.min(last, from < 0 ? (step > 0 ? step - 1 : last) : from + step)));
  }

  /** Choose the selected row. */
  open() {
    this.#open(this.selected.last);
  }

  /** Bring a row into sight, if it is not there. @param {number} index */
  reveal(index) {
    const [height, view, top] = [this.#height(), this.#inSight(), this.#top.last];
    if (index * height < top) this.#scrollTo(index * height);
    else if ((index + 1) * height > top + view) this.#scrollTo((index + 1) * height - view);
  }

  /** Rows were put in above (or taken away): what is in sight stays where it is. @param {number} rows */
  shift(rows) {
    this.#scrollTo(this.#top.last + rows * this.#height());
  }

  /** The place of the first row that is in sight. */
  get first() {
    return Math.floor(this.#top.last / this.#height());
  }

  #height() {
    return this.height.value || this.#ownHeight;
  }

  get #ownHeight() {
    const [rem, row] = [getComputedStyle(document.documentElement), getComputedStyle(this).getPropertyValue("--row")];
    return Number.parseFloat(row) * (row.trim().endsWith("rem") ? Number.parseFloat(rem.fontSize) : 1) || 32;
  }

  /** Pixels of rows that are in sight, below the headings. */
  #inSight() {
    return Math.max(0, this.#view.last - (this.#space.offsetTop || 0));
  }

  #measure() {
    this.#view.value = this.clientHeight;
  }

  #endRows() {
    this.#rows.forEach((row) => [row.end(), row.node.remove()]);
    this.#rows.clear();
  }

  #describe() {
    const [count, grid] = [this.count.value, this.kind.value === "grid"];
    this.setAttribute("role", this.kind.value);
    this.setAttribute("aria-label", this.label.value);
    if (grid) this.setAttribute("aria-rowcount", String(count + (this.head.value ? 1 : 0)));
    this.#space.setAttribute("role", grid ? "rowgroup" : "presentation");
    this.style.setProperty("--height", `${this.#height()}px`);
    this.#space.style.setProperty("--all", `${Math.min(TALLEST, count * this.#height())}px`);
  }

  #draw() {
    const [height, count] = [this.#height(), this.count.value];
    const top = Math.min(this.#top.value, Math.max(0, count - 1) * height);
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(count, Math.ceil((top + this.#view.value) / height) + BEYOND);
    const [item, key, render] = [this.item.value, this.key.value, this.row.value];
    const wanted = Array.from({ length: Math.max(0, last - first) }, (_, place) => {
      const value = item(first + place);
      return { index: first + place, value, name: key(value, first + place) };
    });
    untracked(() => this.#reconcile(wanted, render));
    // Above TALLEST the element scrolls fewer pixels than there are: what is drawn is at the place where it is looked at.
    const shift = first * height - top + this.#scrolled.value;
    this.#window.style.setProperty("transform", `translateY(${Math.round(shift)}px)`);
    this.#tellWindow(first, last);
  }

  /** @param {{ index: number, value: any, name: string | number }[]} wanted @param {Render} render */
  #reconcile(wanted, render) {
    const names = new Set(wanted.map((each) => each.name));
    const free = [...this.#rows].filter(([name]) => !names.has(name));
    free.forEach(([name]) => this.#rows.delete(name));
    let place = /** @type {Element | null} */ (this.#window.firstElementChild);
    for (const { index, value, name } of wanted) {
      const row = this.#rows.get(name) ?? free.pop()?.[1] ?? this.#made(value, index, render);
      this.#rows.set(name, row);
      batch(() => [row.item.value = value, row.index.value = index]);
      if (place === row.node) place = place.nextElementSibling;
      else this.#window.insertBefore(row.node, place);
    }
    free.forEach(([, row]) => [row.end(), row.node.remove()]);
  }

  /** @param {any} value @param {number} place @param {Render} render @returns {Row} */
  #made(value, place, render) {
    const [item, index] = [signal(value), signal(place)];
    const { result: node, end } = scope(() => {
      const made = render(item, index);
      made.classList.add("windowed-row");
      effect(() => this.#describeRow(made, index.value));
      return made;
    });
    return { item, index, node, end };
  }

  /** @param {HTMLElement} node @param {number} index */
  #describeRow(node, index) {
    const [grid, chosen] = [this.kind.value === "grid", this.selected.value === index];
    node.id = `${this.#name}-${index}`;
    node.setAttribute("role", grid ? "row" : "option");
    if (grid) node.setAttribute("aria-rowindex", String(index + (this.head.value ? 2 : 1)));
    else node.setAttribute("aria-posinset", String(index + 1));
    if (!grid) node.setAttribute("aria-setsize", String(this.count.value));
    node.setAttribute("aria-selected", String(chosen));
    if (chosen) this.setAttribute("aria-activedescendant", node.id);
  }

  /** Keep what is selected in sight when the selection moves. */
  #follow() {
    const index = this.selected.value;
    if (index < 0) this.removeAttribute("aria-activedescendant");
    else if (untracked(() => this.#view.value)) untracked(() => this.reveal(index));
  }

  /** @param {number} first @param {number} last */
  #tellWindow(first, last) {
    const told = `${first} ${last} ${this.count.last}`;
    if (told === this.#told) return;
    this.#told = told;
    queueMicrotask(() => this.tell("window", { first, last }));
  }

  // Where the element scrolls as many pixels as there are, `#top` is `scrollTop`. Where it cannot, a short way moves
  // rows by as many pixels, a long way by the share of all; when the scrolling ends, the two are made to agree again.
  #onscroll() {
    const now = this.scrollTop;
    if (now === this.#expected) return;
    this.#expected = -1;
    batch(() => {
      this.#top.value = this.#topAt(now, now - this.#scrolled.last);
      this.#scrolled.value = now;
    });
    clearTimeout(this.#still);
    this.#still = setTimeout(() => this.#settle(), STILL);
  }

  /** @param {number} now @param {number} moved */
  #topAt(now, moved) {
    const [ratio, view] = [this.#ratio(), this.#view.last];
    const far = now <= 0 || now >= this.#longest() || Math.abs(moved) > 8 * view;
    return ratio === 1 || far ? now * ratio : this.#within(this.#top.last + moved);
  }

  /** How many pixels of rows one pixel of the element stands for. */
  #ratio() {
    const [all, longest] = [this.count.last * this.#height(), this.#longest()];
    return all <= TALLEST || longest <= 0 ? 1 : (all - this.#inSight()) / longest;
  }

  /** How far the element can scroll. */
  #longest() {
    return this.scrollHeight - this.clientHeight;
  }

  /** @param {number} top */
  #within(top) {
    return Math.max(0, Math.min(top, this.count.last * this.#height() - this.#inSight()));
  }

  /** @param {number} top */
  #scrollTo(top) {
    batch(() => {
      this.#top.value = this.#within(top);
      this.#settle();
    });
  }

  #settle() {
    clearTimeout(this.#still);
    const wanted = this.#top.last / this.#ratio();
    if (Math.abs(wanted - this.scrollTop) >= 1) this.scrollTop = wanted;
    this.#expected = this.#scrolled.value = this.scrollTop;
  }

  /** @param {number} index */
  #pick(index) {
    this.selected.value = index;
    this.tell("pick", index);
  }

  /** @param {number} index */
  #open(index) {
    if (index >= 0 && index < this.count.last) this.tell("open", index);
  }

  /** @param {Event} event */
  #indexAt(event) {
    const node = event.target instanceof Element ? event.target.closest(".windowed-row") : null;
    const row = node && [...this.#rows.values()].find((each) => each.node === node);
    return row ? row.index.last : -1;
  }

  /** @param {MouseEvent} event */
  #onclick(event) {
    const index = this.#indexAt(event);
    const own = event.target instanceof Element && event.target.closest("a, button, input, select, label");
    if (index >= 0 && !own) this.#pick(index);
  }

  /** @param {KeyboardEvent} event */
  #onkey(event) {
    if (event.target !== this || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#inSight() / this.#height()) - 1);
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    });
    const step = steps[event.key];
    if (event.key === "Enter") this.open();
    else if (step !== undefined) this.move(step);
    else return;
    event.preventDefault();
  }
}

define("windowed-rows", WindowedRows);
