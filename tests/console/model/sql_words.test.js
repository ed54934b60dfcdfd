// @ts-check
import { isInText, wordAt, wordsAt } from "../../../transports/http/console/model/sql_words.js";
import { equal, ok } from "./assert.js";

/** @param {string} name @param {...string} columns */
const view = (name, ...columns) => ({
  name,
  description: "",
  columns: columns.map((each) => ({
    name: each,
    type: "VARCHAR",
    description: "",
  })),
});
const schema = {
  views: [view("spans", "name", "model"), view("scores", "name", "value")],
  examples: [],
};

/** @param {string} marked with `|` where the cursor is */
const offered = (marked) => wordsAt(marked.replace("|", ""), marked.indexOf("|"), schema).map((each) => each.text);

Deno.test("columns of the views that a statement names are offered", () => {
  equal(offered("SELECT mo| FROM spans"), ["model"]);
  equal(offered("SELECT va| FROM spans"), []);
  equal(offered("SELECT s.| FROM spans AS s JOIN scores USING (trace_id)"), [
    "name",
    "model",
  ]);
  equal(offered("SELECT na| FROM spans JOIN scores"), ["name"]);
});

Deno.test("views and words are offered", () => {
  equal(offered("SELECT 1 FROM |"), ["spans", "scores"]);
  equal(offered("SELECT 1 FROM sp|"), ["spans"]);
  equal(offered("gro|"), ["GROUP BY", "GROUP BY ALL"]);
  equal(offered("SELECT quan|"), ["quantile_cont("]);
});

Deno.test("nothing is offered in a text or a comment", () => {
  equal([
    offered("WHERE name = 's|"),
    offered("-- s|"),
    offered("WHERE name = 'a' AND mod|"),
  ], [[], [], []]);
  ok(
    isInText("a 'b''c", 7) && !isInText("a 'b' c", 7) &&
      !isInText("-- it's\nsel", 11),
  );
  equal(wordAt("a.bcd", 4), { start: 2, end: 5, typed: "bc", view: "a" });
});
