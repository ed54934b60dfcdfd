// @ts-check
/** What is different about some spans: the values of fields that they have more often, or less often, than others. */
import { h } from "../kernel/view.js";
import { countText } from "../model/format.js";
import { termOf } from "../model/filter_grammar.js";

/** @typedef {import("../api/lists.js").Difference} Difference */

const MOST_FIELDS = 12;
const MOST_VALUES = 4;

/** @param {number} share */
const percent = (share) => `${Math.round(share * 100)} %`;

/**
 * @param {{ count: number, than_count: number, fields: Difference[] }} found
 * @param {(term: string) => void} onpick called with a condition
 */
export function differenceList(found, onpick) {
  const counts = `${countText(found.count)} spans beside ${countText(found.than_count)} others`;
  if (!found.count) return h("p", null, "No span is in this area.");
  if (!found.fields.length) return [h("p.muted", null, counts), h("p", null, "They are like all others.")];
  return [
    h("p.muted", null, counts),
    found.fields.slice(0, MOST_FIELDS).map(({ field, values }) =>
      h(
        "section.difference",
        null,
        h("h3", null, h("bdi.mono", null, field)),
        values.slice(0, MOST_VALUES).map((each) => valueRow(field, each, onpick)),
      )
    ),
  ];
}

/** @param {string} field @param {Difference["values"][number]} each @param {(term: string) => void} onpick */
function valueRow(field, { value, share, than_share: than }, onpick) {
  const text = value === null ? "none" : String(value);
  const term = termOf(field, value, { range: /^\[\S+ TO \S+\]$/.test(text) });
  return h(
    "button.plain.difference-value",
    { onclick: () => onpick(term), title: `Only ${term}` },
    h("bdi", { class: value === null ? "cut faint" : "cut" }, text),
    h(
      "span.difference-bars",
      { "aria-hidden": "true" },
      h("i", { "--share": share }),
      h("i.than", { "--share": than }),
    ),
    h("span.number", null, percent(share), h("span.faint", null, ` / ${percent(than)}`)),
  );
}
