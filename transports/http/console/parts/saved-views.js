// @ts-check
/** Views of a page that were saved, and a field to save what it shows now. */
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { icon } from "./icon.js";
import { menu } from "./menu.js";

/** @typedef {{ id: string, name: string, parameters: string, shared: boolean, own: boolean, owner: { email: string } }} SavedView */

/** Parameters in one order, so that two addresses that say the same are the same. @param {string} parameters */
function sorted(parameters) {
  const given = new URLSearchParams(parameters);
  given.sort();
  return given.toString();
}

/**
 * @param {object} given
 * @param {() => readonly SavedView[]} given.views @param {() => string} given.now the parameters of what is shown
 * @param {(parameters: string) => string} given.href the address of a view
 * @param {(name: string, shared: boolean) => Promise<unknown>} given.save @param {(view: SavedView) => void} given.drop
 */
export function savedViews({ views, now, href, save, drop }) {
  const current = () => views().find((view) => sorted(view.parameters) === sorted(now()));
  const fault = signal("");

  /** @param {SavedView} view @param {() => void} close */
  const row = (view, close) =>
    h(
      "li",
      null,
      h(
        "a.cut.grow",
        {
          href: href(sorted(view.parameters)),
          title: view.name,
          "aria-current": () => current() === view && "true",
          onclick: close,
        },
        h("bdi", null, view.name),
      ),
      view.shared && h("span.badge", { title: `By ${view.owner.email}` }, "shared"),
      view.own &&
        h("button.plain.square", { "aria-label": `Delete ${view.name}`, onclick: () => drop(view) }, icon("trash")),
    );

  /** @param {any} event @param {() => void} close */
  async function submit(event, close) {
    event.preventDefault();
    const fields = new FormData(event.target);
    try {
      await save(String(fields.get("name")).trim(), fields.has("shared"));
      close();
    } catch (error) {
      fault.value = error instanceof Error ? error.message : String(error);
    }
  }

  return menu(() => h("bdi.cut", null, current()?.name ?? "Views"), "Saved views", (close) => {
    fault.value = "";
    return [
      () =>
        views().length
          ? h("ul.saved-views", null, views().map((view) => row(view, close)))
          : h("p.muted", null, "No view is saved yet."),
      h(
        "form.saved-views-new",
        { onsubmit: (/** @type {Event} */ event) => submit(event, close) },
        h("input", {
          name: "name",
          required: true,
          maxlength: "100",
          "aria-label": "Name of the view",
          placeholder: "Name of what you see now",
          ".value": current()?.own ? current()?.name : "",
        }),
        h(
          "label.check",
          null,
          h("input", { type: "checkbox", name: "shared", ".checked": current()?.shared ?? false }),
          "For everybody",
        ),
        h("button.primary", null, "Save"),
        () => fault.value && h("p.is-error", { role: "alert" }, fault.value),
      ),
    ];
  });
}
