// @ts-check
/** The messages of a prompt and its parameters, to write in. */
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { icon } from "./icon.js";
import { pretty } from "./messages.js";
import { toast } from "./toast.js";

/** @typedef {import("../model/draft.js").Draft} Draft */
/** @typedef {import("../model/draft.js").Message} Message */

const ROLES = ["system", "user", "assistant", "tool"];
const LARGEST_IMAGE = 4 * 1024 * 1024; // bytes: a request may have 8 MiB, and base64 takes a third more
/** @type {[name: string, label: string, hint: string][]} */
const FIELDS = [
  ["temperature", "Temperature", "0 to 2"],
  ["top_p", "Top p", "0 to 1"],
  ["max_tokens", "Most tokens of the answer", ""],
  ["max_completion_tokens", "Most tokens with reasoning", ""],
];

/** @param {import("../kernel/signal.js").Signal<Draft>} draft @param {() => void} changed called after each change within it */
export function promptEditor(draft, changed) {
  // Which messages there are makes the list anew; what is typed in one does not.
  const round = signal(0);
  /** @param {(messages: Message[]) => Message[]} change */
  const change = (change) => {
    draft.last.messages = change(draft.last.messages);
    round.value++;
    changed();
  };
  return h(
    "section.prompt-editor",
    { "aria-label": "Prompt" },
    () => {
      void round.value;
      return draft.value.messages.map((message, index) => messageField(message, index, change, changed));
    },
    h(
      "div.row",
      null,
      h(
        "button",
        {
          onclick: () =>
            change((all) => [...all, { role: all.at(-1)?.role === "user" ? "assistant" : "user", content: "" }]),
        },
        icon("plus"),
        "Message",
      ),
    ),
    () => parameters(draft.value, changed),
  );
}

/** @param {Message} message @param {number} index @param {(change: (messages: Message[]) => Message[]) => void} change @param {() => void} changed */
function messageField(message, index, change, changed) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => [
    Reflect.set(message, name, event.target.value),
    changed(),
  ];
  return h(
    "div.prompt-message",
    { "data-role": message.role },
    h(
      "div.row",
      null,
      h(
        "select",
        { "aria-label": `Role of message ${index + 1}`, onchange: set("role") },
        ROLES.map((role) => h("option", { value: role, selected: role === message.role }, role)),
      ),
      h("span.grow"),
      message.role === "user" && imageButton(message, change),
      h("button.plain.square", {
        "aria-label": `Remove message ${index + 1}`,
        onclick: () => change((all) => all.filter((each) => each !== message)),
      }, icon("trash")),
    ),
    h("textarea", {
      "aria-label": `Message ${index + 1}`,
      rows: Math.min(14, Math.max(3, message.content.split("\n").length)),
      ".value": message.content,
      dir: "auto",
      oninput: set("content"),
    }),
    message.tool_calls?.length ? h("pre.text", { tabindex: "0" }, pretty(message.tool_calls)) : null,
    (message.images ?? []).map((image) =>
      h(
        "div.row",
        null,
        image.data &&
          h("img.prompt-image", {
            src: `data:${image.media_type};base64,${image.data}`,
            alt: "Picture of the message",
          }),
        h("button.plain", {
          onclick: () =>
            change((all) =>
              all.map((each) =>
                each === message ? { ...each, images: (each.images ?? []).filter((other) => other !== image) } : each
              )
            ),
        }, "Remove"),
      )
    ),
  );
}

/** @param {Message} message @param {(change: (messages: Message[]) => Message[]) => void} change */
function imageButton(message, change) {
  /** @param {any} event */
  async function read({ target }) {
    const [file] = target.files;
    if (!file) return;
    if (!/^image\/(png|jpeg|gif|webp)$/.test(file.type) || file.size > LARGEST_IMAGE) {
      return toast("A PNG, JPEG, GIF or WebP picture of at most 4 MB.");
    }
    const data = await base64(file);
    change((all) =>
      all.map((
        each,
      ) => (each === message ? { ...each, images: [...(each.images ?? []), { media_type: file.type, data }] } : each))
    );
  }
  return h(
    "label.button.plain",
    null,
    icon("plus"),
    "Picture",
    h("input.hidden-text", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", onchange: read }),
  );
}

/** @param {Blob} file @returns {Promise<string>} */
async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** @param {Draft} draft @param {() => void} changed */
function parameters({ fields }, changed) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ { target }) => [
    fields[name] = target.type === "checkbox" ? (target.checked ? "yes" : "") : target.value,
    changed(),
  ];
  const used = Object.values(fields).filter(Boolean).length;
  return h(
    "details.prompt-parameters",
    { open: used > 0 },
    h("summary", null, "Parameters, tools, schema"),
    h(
      "div.prompt-fields",
      null,
      FIELDS.map(([name, label, hint]) =>
        h(
          "label.field",
          null,
          label,
          h("input", { inputmode: "decimal", ".value": fields[name] ?? "", placeholder: hint, oninput: set(name) }),
        )
      ),
      h(
        "label.field",
        null,
        "Reasoning effort",
        h(
          "select",
          { onchange: set("reasoning_effort") },
          ["", "minimal", "low", "medium", "high"].map((effort) =>
            h(
              "option",
              { value: effort, selected: (fields["reasoning_effort"] ?? "") === effort },
              effort || "as the model does",
            )
          ),
        ),
      ),
      h(
        "label.check",
        null,
        h("input", { type: "checkbox", ".checked": Boolean(fields["json_mode"]), onchange: set("json_mode") }),
        "Answer in JSON",
      ),
    ),
    [["stop", "Texts that end the answer, one a line"], ["json_schema", "JSON schema of the answer"], [
      "tools",
      "Tools: a JSON list of name, description, parameters",
    ]].map(([name = "", label]) =>
      h(
        "label.field",
        null,
        label,
        h("textarea.mono", { rows: 3, spellcheck: "false", ".value": fields[name] ?? "", oninput: set(name) }),
      )
    ),
  );
}
