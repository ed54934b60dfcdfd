// @ts-check
/** A conversation to read: who said what, tool calls with their results, reasoning folded. */
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { bytesText, counted, sizeOf } from "../model/format.js";
import { safeHref } from "../model/links.js";
import { wordDiff } from "../model/text_diff.js";
import { icon } from "./icon.js";
import { copy } from "./toast.js";

/** @typedef {import("../kernel/view.js").Child} Child */
/** @typedef {import("../model/conversation.js").Said} Said */
/** @typedef {import("../model/conversation.js").Message} Message */

const SHOWN = 16 * 1024; // characters of a text that are shown at first

/** Messages from above to below; the first `before` of them are those that the call before had too, and folded. @param {readonly Message[]} messages @param {number} [before] */
export function conversation(messages, before = 0) {
  const [known, fresh] = [messages.slice(0, before), messages.slice(before)];
  return h(
    "div.messages",
    null,
    known.length > 0 &&
      h(
        "details.messages-before",
        null,
        h("summary", null, `${counted(known.length, "message")} as in the call before`),
        later(() => known.map(message)),
      ),
    fresh.map(message),
  );
}

/** @param {Message} message */
const message = (message) =>
  h(
    "article.message",
    { "data-role": message.role },
    h(
      "header.message-head",
      null,
      h("span.message-role", null, message.role),
      message.name && h("bdi.muted.cut", null, message.name),
      message.finish_reason && message.finish_reason !== "stop" && h("span.badge.warn", null, message.finish_reason),
      h("span.grow"),
      h("button.plain.square.message-copy", {
        "aria-label": "Copy the message",
        onclick: () => copy(textOf(message)),
      }, icon("copy")),
    ),
    parts(message),
  );

/** What a message says, without who says it. @param {Message} message */
export const parts = (message) => message.parts.map(said);

/** @param {Message} message */
const textOf = (message) =>
  message.parts.map((part) => part["text"] ?? pretty(part["value"] ?? part["result"] ?? part["arguments"] ?? "")).join(
    "\n",
  );

/** @param {Said} part @returns {Child} */
function said(part) {
  switch (part.type) {
    case "text":
      return text(part["text"]);
    case "reasoning":
      return h("details.message-reasoning", null, h("summary", null, "Reasoning"), later(() => text(part["text"])));
    case "refusal":
      return h("div.message-refusal", null, h("span.badge.error", null, "refused"), text(part["text"]));
    case "tool_call":
      return called(part);
    case "tool_result":
      return h(
        "div.message-tool",
        null,
        h("div.row", null, h("span.badge", null, "result"), h("bdi.mono.cut", null, part["name"] ?? part["id"])),
        text(pretty(part["result"])),
      );
    case "image":
    case "audio":
    case "file":
      return media(part);
    default:
      return text(pretty(part["value"] ?? part));
  }
}

/** @param {Said} part */
const called = (part) =>
  h(
    "div.message-tool",
    null,
    h("div.row", null, h("span.badge", null, "calls"), h("bdi.mono.cut", null, part["name"] || "a tool")),
    text(pretty(part["arguments"])),
  );

/** Nothing is asked of another host: a picture is shown if it came with the message, else its address is. @param {Said} part */
function media(part) {
  const data = typeof part["data"] === "string" ? part["data"] : "";
  const type = /^image\/(png|jpeg|gif|webp)$/.test(part["media_type"] ?? "") ? part["media_type"] : null;
  if (part.type === "image" && data && type) {
    return h("img.message-image", { src: `data:${type};base64,${data}`, alt: "Picture of the message" });
  }
  const link = safeHref(part["url"] ?? "");
  return h(
    "div.row",
    null,
    h("span.badge", null, part.type),
    part["media_type"],
    link
      ? h("a.cut", { href: link, rel: "noreferrer noopener", target: "_blank" }, link)
      : h("bdi.cut", null, part["url"] ?? part["id"] ?? (data && bytesText(data.length * 0.75))),
  );
}

/** A text, its beginning if it is long. @param {unknown} value */
export function text(value) {
  const whole = typeof value === "string" ? value : value === null || value === undefined ? "" : String(value);
  const all = signal(whole.length <= SHOWN);
  return h(
    "div.long-text",
    null,
    h("pre.text", { dir: "auto", tabindex: "0" }, () => (all.value ? whole : whole.slice(0, SHOWN))),
    () =>
      !all.value &&
      h(
        "div.row.muted",
        null,
        `${bytesText(sizeOf(whole.slice(0, SHOWN)))} of ${bytesText(sizeOf(whole))}`,
        h("button", { onclick: () => void (all.value = true) }, "Show all"),
        h("button.plain", { onclick: () => copy(whole) }, icon("copy"), "Copy all"),
      ),
  );
}

/** What one text has become in another, word by word. @param {string} before @param {string} after */
export const differenceText = (before, after) =>
  h(
    "pre.text.difference-text",
    { dir: "auto", tabindex: "0" },
    wordDiff(before, after).map((
      { kind, text },
    ) => (kind === "same" ? text : h(kind === "added" ? "ins" : "del", null, text))),
  );

/** @param {unknown} value */
export const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "");

/** What is made when its `details` is opened for the first time. @param {() => Child} make */
export function later(make) {
  const opened = signal(false);
  const place = h("div", null, () => (opened.value ? /** @type {any} */ (make()) : null));
  queueMicrotask(() =>
    place.closest("details")?.addEventListener("toggle", () => void (opened.value = true), { once: true })
  );
  return place;
}
