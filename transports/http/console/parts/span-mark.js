// @ts-check
/** What a span is, as a colour beside the word that says it. */
import { h } from "../kernel/view.js";

/** @type {Record<string, string>} types that have the colour of another */
const SHADES = {
  reranker: "retriever",
  evaluator: "guardrail",
  prompt: "chain",
  subflow: "workflow",
  run_concurrent: "node",
};

/** The colour of a type of span, for `--type`. @param {string | null | undefined} type */
export const shade = (type) => `var(--type-${type ? SHADES[type] ?? type : "none"})`;

/** @param {string | null | undefined} type */
export const dot = (type) => h("span.dot", { "--type": shade(type), title: type || "span" });
