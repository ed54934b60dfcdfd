// @ts-check
/** Settings of providers, prices and alerts. */
import { addAlert, addPrice, alertHistory, deleteAlert, deletePrice, listAlerts, listPrices } from "../api/admin.js";
import { loaded } from "../api/loaded.js";
import { deleteProviderKey, listProviders, setProviderKey } from "../api/play.js";
import { account } from "../api/studio.js";
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { choose, field, formOf, once, sure, tableOf } from "../parts/forms.js";
import { stateOf } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { timeOf } from "../parts/trace-list.js";

const MEASURES = [
  "count",
  "errors",
  "error_rate",
  "cost_usd",
  "tokens.input",
  "tokens.output",
  "duration_ns.p95",
  "time_to_first_token_ns.p95",
];
const isAdmin = () => account.last?.role === "admin";

export function providersSection() {
  const asked = loaded(() => listProviders());
  return stateOf(asked, (list) =>
    list.map(({ provider, configured, last4 }) =>
      h(
        "section.card.stack",
        null,
        h(
          "div.row",
          null,
          h("h2.grow", null, provider),
          configured ? h("span.badge.ok", null, last4 ? `key …${last4}` : "ready") : h("span.badge", null, "no key"),
          isAdmin() && configured && last4 && sure("Remove", () => deleteProviderKey(provider).then(asked.again)),
        ),
        isAdmin()
          ? formOf(
            [field(
              "Key",
              "key",
              { type: "password", required: true, autocomplete: "off" },
              "Kept encrypted. Nobody is shown more than its last four letters.",
            )],
            configured ? "Replace" : "Set",
            async ({ key = "" }) => {
              await setProviderKey(provider, key);
              toast(`The playground can ask ${provider}.`);
              asked.again();
            },
          )
          : h("p.muted", null, "Admins set keys."),
      )
    ));
}

export function pricesSection() {
  const asked = loaded((abort) => listPrices(abort));
  return [
    isAdmin() && h(
      "section.card.stack",
      null,
      h("h2", null, "A price of your own"),
      formOf(
        [
          field("Model", "model", { required: true, placeholder: "gpt-4o*" }, "* stands for anything"),
          field("Provider", "provider", { placeholder: "openai" }, "Empty: any"),
          field("From", "from", { type: "date", required: true }),
          ...[["input", "Input"], ["output", "Output"], ["cache_read", "Read from cache"], [
            "cache_write",
            "Written to cache",
          ]].map(([name = "", label = ""]) =>
            field(`${label}, $ a million`, name, {
              inputmode: "decimal",
              required: name === "input" || name === "output",
            })
          ),
          h("label.check", null, h("input", { type: "checkbox", name: "restate" }), "Price stored spans anew"),
        ],
        "Set it",
        async (values) => {
          const per = Object.fromEntries(
            ["input", "output", "cache_read", "cache_write"].filter((name) => values[name]).map((
              name,
            ) => [name, Number(values[name])]),
          );
          await addPrice({
            model: values["model"],
            provider: values["provider"] || null,
            valid_from: new Date(`${values["from"]}T00:00:00`).toISOString(),
            per_million: per,
            restate: values["restate"] === "on",
          });
          asked.again();
        },
      ),
    ),
    h(
      "section.card.stack",
      null,
      h("h2", null, "Own prices"),
      stateOf(asked, ({ prices, table }) => [
        tableOf(
          ["Model", "Provider", "From", "Input", "Output", ""],
          prices.map((
            /** @type {any} */ price,
          ) => [
            h("bdi.mono", null, price.model),
            price.provider ?? "any",
            timeOf(price.valid_from),
            `$${price.per_million.input}`,
            `$${price.per_million.output}`,
            isAdmin() && sure("Delete", () => deletePrice(price.id).then(asked.again)),
          ]),
          "There are none: the table's count.",
        ),
        h(
          "p.muted",
          null,
          `All other prices are those of the ${
            table.source === "package" ? "package genai-prices" : "price file"
          }, version ${table.version}.`,
        ),
      ]),
    ),
  ];
}

export function alertsSection() {
  const asked = loaded((abort) => listAlerts(abort));
  const made = signal(/** @type {any} */ (null));
  return [
    () => made.value?.secret && once(made.value.secret, `The secret that signs what ${made.value.name} sends.`),
    h(
      "section.card.stack",
      null,
      h("h2", null, "A new alert"),
      formOf(
        [
          field("Name", "name", { required: true, maxlength: 128 }),
          field("Filter", "q", { placeholder: "service:shop", spellcheck: "false" }, "Empty: everything"),
          choose("Of", "of", [["calls", "model calls"], ["spans", "spans"], ["traces", "traces"]]),
          choose("Measure", "measure", MEASURES.map((name) => [name, name])),
          choose("Is", "op", [[">", "over"], ["<", "under"]]),
          field("Threshold", "threshold", { required: true, inputmode: "decimal" }, "Durations in nanoseconds"),
          choose("Within", "interval", ["1m", "5m", "15m", "1h", "6h", "1d"].map((each) => [each, each])),
          field("Webhook", "webhook", { type: "url", placeholder: "https://…" }, "Empty: it is only shown here"),
        ],
        "Make it",
        async ({ threshold, webhook, ...alert }) => {
          made.value = await addAlert({ ...alert, threshold: Number(threshold), webhook: webhook || null });
          asked.again();
        },
      ),
    ),
    h(
      "section.card.stack",
      null,
      h("h2", null, "Alerts"),
      stateOf(asked, (list) =>
        tableOf(
          ["State", "Name", "Condition", "Value", "Since", ""],
          list.map((/** @type {any} */ alert) => alertRow(alert, asked.again)),
          "There is no alert yet.",
        )),
    ),
  ];
}

/** @param {any} alert @param {() => void} again @returns {import("../kernel/view.js").Child[]} */
function alertRow(alert, again) {
  const open = signal(false);
  return [
    h(
      "span",
      { class: alert.state === "firing" ? "badge error" : alert.state === "ok" ? "badge ok" : "badge" },
      alert.state.replace("_", " "),
    ),
    [h("bdi", null, alert.name), () => open.value && history(alert.id)],
    h(
      "code",
      null,
      `${alert.measure} ${alert.op} ${alert.threshold} in ${alert.interval}${alert.q ? ` of ${alert.q}` : ""}`,
    ),
    alert.value ?? h("span.faint", null, "none"),
    timeOf(alert.since),
    h(
      "div.row",
      null,
      h(
        "button.plain",
        { "aria-expanded": () => String(open.value), onclick: () => void (open.value = !open.last) },
        "History",
      ),
      sure("Delete", () => deleteAlert(alert.id).then(again)),
    ),
  ];
}

/** @param {string} id */
function history(id) {
  const asked = loaded((abort) => alertHistory(id, abort));
  return stateOf(
    asked,
    (changes) =>
      changes.length
        ? h(
          "ul.settings-history",
          null,
          changes.map((/** @type {any} */ change) =>
            h(
              "li",
              null,
              timeOf(change.time),
              ` ${change.state.replace("_", " ")}`,
              change.value !== null && ` at ${change.value}`,
            )
          ),
        )
        : h("p.muted", null, "Nothing has changed yet."),
  );
}
