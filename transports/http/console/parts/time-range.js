// @ts-check
/** The time that a page is about: `from` and `to` in the address, relative ones as the API knows them. */
import { param, setParams } from "../kernel/address.js";
import { define, h, Part } from "../kernel/view.js";

/** @type {[from: string, label: string][]} */
const RANGES = [
  ["now-15m", "Last 15 minutes"],
  ["now-1h", "Last hour"],
  ["now-6h", "Last 6 hours"],
  ["now-1d", "Last day"],
  ["now-7d", "Last 7 days"],
  ["now-30d", "Last 30 days"],
];

/** The range of the address, as parameters of the API. */
export const range = () => ({ from: param("from"), to: param("to") });

/** @param {string} text an ISO time @returns {string} as `datetime-local` wants it, in the user's zone */
function local(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** @param {string} text of a `datetime-local` field */
const iso = (text) => (text ? new Date(text).toISOString() : null);

export class TimeRange extends Part {
  /** @override */
  render() {
    return [() => this.#choice(), () => (this.#isOwn() ? this.#own() : null)];
  }

  #isOwn() {
    const { from, to } = range();
    return Boolean(to) || Boolean(from && !from.startsWith("now"));
  }

  #choice() {
    const chosen = this.#isOwn() ? "own" : param("from") ?? "";
    const known = chosen === "" || chosen === "own" || RANGES.some(([from]) => from === chosen);
    return h(
      "select",
      { "aria-label": "Time range", onchange: (/** @type {any} */ event) => this.#choose(event.target.value) },
      option("", "All time", chosen),
      RANGES.map(([from, label]) => option(from, label, chosen)),
      !known && option(chosen, `Since ${chosen}`, chosen),
      option("own", "From … to …", chosen),
    );
  }

  #own() {
    const { from, to } = range();
    return ["from", "to"].map((name) =>
      h("input", {
        type: "datetime-local",
        "aria-label": name === "from" ? "From" : "To",
        ".value": local((name === "from" ? from : to) ?? ""),
        onchange: (/** @type {any} */ event) => setParams({ [name]: iso(event.target.value) }, { push: true }),
      })
    );
  }

  /** @param {string} value */
  #choose(value) {
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
    const now = new Date().toISOString();
    setParams(value === "own" ? { from: anHourAgo, to: now } : { from: value, to: null }, { push: true });
  }
}

/** @param {string} value @param {string} label @param {string} chosen */
const option = (value, label, chosen) => h("option", { value, selected: value === chosen }, label);

define("time-range", TimeRange);
