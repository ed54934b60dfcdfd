// @ts-check
/** A field for a filter: what may come next is offered, and what is wrong is marked at its place. */
import { computed, effect, signal } from "../kernel/signal.js";
import { define, h, Part } from "../kernel/view.js";
import { completed, faultAt, offersAt, placeAt, questionAt, termsOf } from "../model/filter_grammar.js";
import { icon } from "./icon.js";

/** @typedef {import("../model/filter_grammar.js").Known} Known */
/** @typedef {import("../model/filter_grammar.js").Offer} Offer */
/** @typedef {{ value: unknown, count: number }[]} Values */

const RECENT = "junjo.filters"; // in the browser's own storage
const MOST_RECENT = 20;
const MOST_OFFERED = 50;
const NOTHING = /** @type {Known} */ ({ fields: [], prefixes: [] });
let names = 0;

/** Tells `filter` with the text when it is wanted: Enter, or the button that clears it. */
export class FilterBar extends Part {
  /** The filter that holds. */
  value = signal("");
  /** What the studio says is wrong with it. */
  fault = signal(/** @type {{ column: number, message: string } | null} */ (null));
  /** Asks for the fields. */
  fields = signal(/** @type {() => Promise<Known>} */ (() => Promise.resolve(NOTHING)));
  /** Asks for values of a field that begin with a text, in the spans of a filter. */
  values = signal(
    /** @type {(question: { field: string, prefix: string, q: string }, abort: AbortSignal) => Promise<Values>} */ (
      () => Promise.resolve([])
    ),
  );
  label = signal("Filter");

  #name = `filter-${++names}`;
  #text = signal("");
  #cursor = signal(0);
  #open = signal(false);
  #at = signal(-1);
  #known = signal(/** @type {Known | null} */ (null));
  #found = signal(/** @type {Values} */ ([]));
  #place = computed(() => placeAt(this.#text.value, this.#cursor.value));
  #offers = computed(() => this.#offered());
  #marks = h("div.filter-bar-marks.mono", { "aria-hidden": "true" });
  #input = this.#made();

  /** @override */
  render() {
    effect(() => this.#take(this.value.value));
    effect(() => this.#ask());
    effect(() => this.#mark());
    effect(() => void (this.#input.ariaInvalid = String(Boolean(this.#fault()))));
    const clear = () => [this.#take(""), this.#commit(), this.focus()];
    return [
      h(
        "div.filter-bar-field",
        null,
        icon("search"),
        h("div.filter-bar-text", null, this.#marks, this.#input),
        () =>
          this.#text.value &&
          h("button.plain.square", { "aria-label": "Clear the filter", onclick: clear }, icon("close")),
      ),
      h("div.filter-bar-fault", { id: `${this.#name}-fault`, role: "status" }, () => this.#fault()?.message),
      () => this.#open.value && this.#offers.value.length > 0 && this.#list(),
    ];
  }

  /** @override */
  focus() {
    this.#input.focus();
  }

  #made() {
    const name = this.#name;
    return h("input.mono", {
      role: "combobox",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      enterkeyhint: "search",
      "aria-label": () => this.label.value,
      "aria-autocomplete": "list",
      "aria-controls": `${name}-offers`,
      "aria-describedby": `${name}-fault`,
      "aria-expanded": () => String(this.#open.value && this.#offers.value.length > 0),
      "aria-activedescendant": () => this.#open.value && this.#at.value >= 0 && `${name}-${this.#at.value}`,
      placeholder: "status:error duration:>2s model:gpt-4*",
      oninput: () => this.#typed(),
      onfocus: () => this.#typed(),
      onclick: () => this.#typed(),
      onkeyup: (/** @type {KeyboardEvent} */ event) =>
        /^(Arrow(Left|Right)|Home|End)$/.test(event.key) && this.#typed(),
      onblur: () => void (this.#open.value = false),
      onscroll: () => void (this.#marks.scrollLeft = this.#input.scrollLeft),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onkey(event),
    });
  }

  /** @param {string} text */
  #take(text) {
    if (this.#input.value !== text) this.#input.value = text;
    this.#text.value = text;
    this.#open.value = false;
  }

  #typed() {
    this.#text.value = this.#input.value;
    this.#cursor.value = this.#input.selectionStart ?? this.#input.value.length;
    this.#open.value = document.activeElement === this.#input;
    this.#at.value = -1;
  }

  /** What is wrong, as long as the text is the one that it is wrong with. */
  #fault() {
    return this.#text.value === this.value.value ? this.fault.value : null;
  }

  #ask() {
    if (!this.#open.value) return;
    const known = this.#known.value;
    if (!known) {
      this.fields.value().then((answer) => void (this.#known.value = answer), () => {});
      return;
    }
    const question = questionAt(this.#text.value, this.#place.value, known);
    if (!question) return void (this.#found.value = []);
    const abort = new AbortController();
    this.values.value(question, abort.signal).then(
      (values) => abort.signal.aborted || (this.#found.value = values),
      () => abort.signal.aborted || (this.#found.value = []),
    );
    return () => abort.abort();
  }

  /** @returns {Offer[]} */
  #offered() {
    const text = this.#text.value;
    const known = this.#known.value;
    if (!text.trim()) {
      const before = recent().map((each) => ({ text: each, label: each, detail: "used before", more: false }));
      return [...before.slice(0, 5), ...(known ? offersAt(this.#place.value, known) : [])];
    }
    const offers = known ? offersAt(this.#place.value, known, this.#found.value) : [];
    const { typed } = this.#place.value;
    // What is written already needs no offer.
    return offers.filter((each) => each.text !== typed).slice(0, MOST_OFFERED);
  }

  #list() {
    return h(
      "div.floating.options",
      {
        id: `${this.#name}-offers`,
        role: "listbox",
        "aria-label": "What may come next",
        // A press must not take the focus away from the field.
        onmousedown: (/** @type {Event} */ event) => event.preventDefault(),
      },
      this.#offers.value.map((offer, index) =>
        h(
          "div",
          {
            id: `${this.#name}-${index}`,
            role: "option",
            "aria-selected": () => String(this.#at.value === index),
            onclick: () => this.#accept(offer),
          },
          h("bdi.mono.cut", null, offer.label),
          h("span.grow.faint.cut", null, offer.detail),
        )
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #onkey(event) {
    const offers = this.#open.value ? this.#offers.value : [];
    const chosen = offers[event.key === "Tab" && !event.shiftKey ? Math.max(0, this.#at.last) : this.#at.last];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Tab" && chosen && this.#text.last.trim()) this.#accept(chosen);
    else if (event.key === "Enter" && chosen) this.#accept(chosen);
    else if (event.key === "Enter") this.#commit();
    else if (event.key === "Escape" && offers.length) this.#open.value = false;
    else if (event.key === "Escape") this.#input.blur();
    else return;
    event.preventDefault();
  }

  /** @param {number} step */
  #move(step) {
    if (!this.#open.last) return this.#typed();
    const count = this.#offers.value.length + 1; // the field itself is one of the places
    this.#at.value = (this.#at.last + 1 + step + count) % count - 1;
    this.querySelector(`#${this.#name}-${this.#at.last}`)?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Offer} offer */
  #accept(offer) {
    const before = recent().includes(offer.text) && !this.#text.last.trim();
    const place = { ...this.#place.value, ...(before && { start: 0, end: this.#text.last.length }) };
    const now = completed(this.#text.last, place, offer);
    this.#input.value = now.text;
    this.#input.setSelectionRange(now.cursor, now.cursor);
    this.#typed();
    if (before) this.#commit();
  }

  #commit() {
    const text = this.#input.value.trim();
    this.#take(text);
    if (text) remember(text);
    this.tell("filter", text);
  }

  /** Conditions have a ground of their own, and what is wrong is underlined. */
  #mark() {
    const text = this.#text.value;
    const fault = this.#fault();
    const wrong = fault && faultAt(text, fault.column);
    const terms = termsOf(text).filter((each) => each.field !== null);
    const cuts = new Set([0, text.length, ...terms.flatMap((each) => [each.start, each.end])]);
    if (wrong) cuts.add(wrong.start).add(wrong.end);
    const places = [...cuts].sort((a, b) => a - b);
    this.#marks.replaceChildren(
      ...places.slice(0, -1).map((start, index) => {
        const end = places[index + 1] ?? start;
        const isTerm = terms.some((each) => each.start <= start && end <= each.end);
        const isWrong = wrong && wrong.start <= start && end <= wrong.end;
        const shown = text.slice(start, end) || " ";
        return h("span", { class: isWrong ? "wrong" : isTerm ? "term" : null }, shown);
      }),
    );
    this.#marks.scrollLeft = this.#input.scrollLeft;
  }
}

/** Filters that were used before, the last one first. @returns {string[]} */
function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

/** @param {string} text */
function remember(text) {
  try {
    const kept = [text, ...recent().filter((each) => each !== text)].slice(0, MOST_RECENT);
    localStorage.setItem(RECENT, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing for us offers nothing that was used before.
  }
}

define("filter-bar", FilterBar);
