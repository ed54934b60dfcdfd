// @ts-check
/** Settings: one's own account, keys, people, providers, prices, alerts, and what is stored. */
import { changePassword, endOtherSignIns, endSignIn, listSignIns } from "../api/admin.js";
import { loaded } from "../api/loaded.js";
import { account } from "../api/studio.js";
import { go, href } from "../kernel/address.js";
import { keys } from "../kernel/keys.js";
import { computed } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { doing, field, formOf, sure, tableOf } from "../parts/forms.js";
import { empty, stateOf } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { timeOf } from "../parts/trace-list.js";
import { keysSection, peopleSection } from "./settings_people.js";
import { alertsSection, pricesSection, providersSection } from "./settings_rules.js";
import { storageSection } from "./settings_storage.js";

export const title = "Settings";

/** @type {{ id: string, label: string, admin?: boolean, show: () => import("../kernel/view.js").Child }[]} */
const SECTIONS = [
  { id: "account", label: "Account", show: accountSection },
  { id: "keys", label: "API keys", show: keysSection },
  { id: "people", label: "People", admin: true, show: peopleSection },
  { id: "providers", label: "Providers", show: providersSection },
  { id: "prices", label: "Prices", show: pricesSection },
  { id: "alerts", label: "Alerts", show: alertsSection },
  { id: "storage", label: "Storage", show: storageSection },
];

/** @param {Record<string, string>} at */
export function show({ section = "account" }) {
  const admin = computed(() => account.value?.role === "admin");
  const shown = () => SECTIONS.filter((each) => admin.value || !each.admin);
  const chosen = computed(() => shown().find(({ id }) => id === section));
  keys(
    SECTIONS.filter((each) => !each.admin || account.last?.role === "admin").map(({ id, label }) => ({
      keys: "",
      label,
      group: "Settings",
      run: () => go(href(`settings/${id}`)),
    })),
  );
  return [
    h("header.page-head", null, h("h1", null, "Settings")),
    h(
      "nav.settings-tabs",
      { "aria-label": "Sections" },
      () =>
        shown().map(({ id, label }) =>
          h("a.tab", { href: href(`settings/${id}`), "aria-current": id === section ? "page" : null }, label)
        ),
    ),
    h(
      "div.page-body",
      null,
      h(
        "div.settings-body.stack",
        null,
        () => chosen.value?.show() ?? empty("There is no such section", "Or it is for admins."),
      ),
    ),
  ];
}

function accountSection() {
  const signIns = loaded((abort) => listSignIns(abort));
  return [
    h(
      "section.card.stack",
      null,
      h("h2", null, () => account.value?.email),
      h("p.muted", null, () => `Role: ${account.value?.role}`),
    ),
    h(
      "section.card.stack",
      null,
      h("h2", null, "Password"),
      formOf(
        [
          field("The one now", "now", { type: "password", required: true, autocomplete: "current-password" }),
          field(
            "The new one",
            "next",
            { type: "password", required: true, minlength: 8, autocomplete: "new-password" },
            "A sentence is best. Other sign-ins end.",
          ),
        ],
        "Change it",
        async ({ now = "", next = "" }) => {
          await changePassword(now, next);
          toast("The password is changed.");
          signIns.again();
        },
      ),
    ),
    h(
      "section.card.stack",
      null,
      h(
        "div.row",
        null,
        h("h2.grow", null, "Where you are signed in"),
        sure("End all others", () => endOtherSignIns().then(signIns.again)),
      ),
      stateOf(
        signIns,
        (list) =>
          tableOf(
            ["Browser", "Address", "Since", "Last seen", ""],
            list.map((
              /** @type {any} */ each,
            ) => [
              h("bdi.cut.settings-agent", { title: each.user_agent }, each.user_agent ?? "unknown"),
              h("span.mono", null, each.address),
              timeOf(each.created_at),
              timeOf(each.last_seen_at),
              each.current ? h("span.badge.ok", null, "this one") : h(
                "button.plain.danger",
                { onclick: () => doing(() => endSignIn(each.id).then(signIns.again)) },
                "End",
              ),
            ]),
          ),
      ),
    ),
  ];
}
