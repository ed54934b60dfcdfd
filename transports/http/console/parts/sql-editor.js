// @ts-check
/** A field for a statement: what may come next is offered, and a fault is marked at its token. */
import { computed, effect, signal } from "../kernel/signal.js";
import { define, h, Part } from "../kernel/view.js";
import { placeOfColumn } from "../model/filter_grammar.js";
import { wordAt, wordsAt } from "../model/sql_words.js";

/** @typedef {import("../model/sql_words.js").Schema} Schema */
/** @typedef {import("../model/sql_words.js").Word} Word */

const NOTHING = /** @type {Schema} */ ({ views: [], examples: [] });

/** Tells `run` with the statement: Ctrl+Enter. */
export class SqlEditor extends Part {
  /** The statement that holds. */
  value = signal("");
  fault = signal(/** @type {{ column: number, message: string } | null} */ (null));
  schema = signal(NOTHING);

  #text = signal("");
  #cursor = signal(0);
  #open = signal(false);
  #at = signal(0);
  #offers = computed(() => (this.#open.value ? wordsAt(this.#text.value, this.#cursor.value, this.schema.value) : []));
  #marks = h("pre.sql-editor-marks", { "aria-hidden": "true" });
  #area = h("textarea.mono", {
    spellcheck: "false",
    autocapitalize: "off",
    "aria-label": "Statement",
    placeholder: "SELECT … FROM spans",
    "aria-multiline": "true",
    "aria-autocomplete": "list",
    "aria-controls": () => this.#offers.value.length > 0 && "sql-offers",
    "aria-describedby": "sql-fault",
    "aria-activedescendant": () => this.#offers.value.length > 0 && `sql-offer-${this.#at.value}`,
    oninput: () => this.#typed(true),
    onkeyup: (/** @type {KeyboardEvent} */ event) =>
      /^(Arrow(Left|Right)|Home|End)$/.test(event.key) && this.#typed(false),
    onclick: () => this.#typed(false),
    onblur: () => void (this.#open.value = false),
    onscroll: () => void (this.#marks.scrollTop = this.#area.scrollTop),
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#onkey(event),
  });

  /** @override */
  render() {
    effect(() => this.#take(this.value.value));
    effect(() => this.#mark());
    return [
      h("div.sql-editor-text", null, this.#marks, this.#area, () => this.#offers.value.length > 0 && this.#list()),
      h("p.sql-editor-fault.is-error", { id: "sql-fault", role: "status" }, () => this.#fault()?.message),
    ];
  }

  /** @override */
  focus() {
    this.#area.focus();
  }

  /** What is written now. */
  get text() {
    return this.#area.value;
  }

  /** Put a word in at the cursor. @param {string} word */
  put(word) {
    const [start, end] = [this.#area.selectionStart, this.#area.selectionEnd];
    this.#replace(start, end, word);
  }

  /** @param {string} text */
  #take(text) {
    if (this.#area.value !== text) this.#area.value = text;
    this.#text.value = text;
  }

  /** @param {boolean} open */
  #typed(open) {
    this.#text.value = this.#area.value;
    this.#cursor.value = this.#area.selectionStart;
    const { typed, view } = wordAt(this.#text.last, this.#cursor.last);
    this.#at.value = 0;
    this.#open.value = open && (typed !== "" || view !== "");
  }

  #fault() {
    return this.#text.value === this.value.value ? this.fault.value : null;
  }

  /** @param {number} start @param {number} end @param {string} word */
  #replace(start, end, word) {
    this.#area.focus();
    this.#area.setRangeText(word, start, end, "end");
    this.#typed(false);
  }

  /** @param {Word} word */
  #accept(word) {
    const { start, end } = wordAt(this.#text.last, this.#cursor.last);
    this.#replace(start, end, word.text);
  }

  #list() {
    return h(
      "div.floating.options",
      {
        id: "sql-offers",
        role: "listbox",
        "aria-label": "What may come next",
        onmousedown: (/** @type {Event} */ event) => event.preventDefault(),
      },
      this.#offers.value.map((word, index) =>
        h(
          "div",
          {
            id: `sql-offer-${index}`,
            role: "option",
            "aria-selected": () => String(this.#at.value === index),
            onclick: () => this.#accept(word),
          },
          h("span.mono", null, word.text),
          h("span.grow.faint.cut", null, word.detail),
        )
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  #onkey(event) {
    const offers = this.#offers.value;
    const chosen = offers[this.#at.last];
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.tell("run", this.text);
    else if (!event.shiftKey && chosen && (event.key === "Tab" || event.key === "Enter")) this.#accept(chosen);
    else if (chosen && step) this.#move((this.#at.last + step + offers.length) % offers.length);
    else if (event.key === "Escape" && chosen) this.#open.value = false;
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} to */
  #move(to) {
    this.#at.value = to;
    this.querySelector(`#sql-offer-${to}`)?.scrollIntoView({ block: "nearest" });
  }

  /** The same text behind the field, with what is wrong underlined. */
  #mark() {
    const [text, fault] = [this.#text.value, this.#fault()];
    const start = fault ? placeOfColumn(text, fault.column) : text.length;
    const token = fault ? /^(?:\w+|\S|$)/.exec(text.slice(start))?.[0] || " " : "";
    const wrong = token && h("span.wrong", null, token);
    this.#marks.replaceChildren(text.slice(0, start), wrong, `${text.slice(start + token.length)}\n`);
    this.#marks.scrollTop = this.#area.scrollTop;
  }
}

define("sql-editor", SqlEditor);
