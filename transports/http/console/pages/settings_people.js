// @ts-check
/** Settings of keys and of people. */
import {
  addPerson,
  deleteKey,
  deletePerson,
  listKeys,
  listPeople,
  makeKey,
  rotateKey,
  setPassword,
  setRole,
  unlock,
} from "../api/admin.js";
import { loaded } from "../api/loaded.js";
import { account } from "../api/studio.js";
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { choose, doing, field, formOf, once, sure, tableOf } from "../parts/forms.js";
import { stateOf } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { timeOf } from "../parts/trace-list.js";

/** What a key may do. @type {[scope: string, what: string][]} */
const SCOPES = [
  ["ingest", "send spans"],
  ["read", "read"],
  ["play", "run prompts"],
  ["sql", "run SQL"],
  ["score", "score traces"],
  ["studio", "junjo's own client"],
  ["backup", "back up"],
];

export function keysSection() {
  const asked = loaded((abort) => listKeys(abort));
  const made = signal(/** @type {any} */ (null));
  const scopes = SCOPES.filter(([scope]) => scope !== "backup" || account.last?.role === "admin");
  return [
    () => made.value && once(made.value.key, `The key ${made.value.name} is made.`),
    h(
      "section.card.stack",
      null,
      h("h2", null, "A new key"),
      formOf(
        [
          field("Name", "name", { required: true, maxlength: 128, placeholder: "my agent" }),
          field("Ends on", "ends", { type: "date" }, "Empty: never"),
          h(
            "fieldset.form-scopes",
            null,
            h("legend", null, "It may"),
            scopes.map(([scope, what]) =>
              h(
                "label.check",
                null,
                h("input", {
                  type: "checkbox",
                  name: `scope-${scope}`,
                  value: scope,
                  checked: scope === "ingest" || scope === "read",
                }),
                what,
              )
            ),
          ),
        ],
        "Make it",
        async (values) => {
          const wanted = SCOPES.map(([scope]) => scope).filter((scope) => `scope-${scope}` in values);
          made.value = await makeKey({
            name: values["name"] ?? "",
            scopes: wanted,
            expires_at: values["ends"] ? new Date(`${values["ends"]}T23:59:59`).toISOString() : null,
          });
          asked.again();
        },
      ),
    ),
    h(
      "section.card.stack",
      null,
      h("h2", null, "Keys"),
      stateOf(asked, (list) =>
        tableOf(
          ["Name", "Key", "May", "Owner", "Last used", "Ends", ""],
          list.map((/** @type {any} */ key) => [
            h("bdi", null, key.name),
            h("code", null, key.masked),
            key.scopes.join(", "),
            h("bdi.muted", null, key.owner.email),
            key.last_used_at ? timeOf(key.last_used_at) : h("span.faint", null, "never"),
            key.state === "expired"
              ? h("span.badge.error", null, "ended")
              : key.expires_at
              ? timeOf(key.expires_at)
              : h("span.faint", null, "never"),
            h(
              "div.row",
              null,
              h("button.plain", {
                title: "A new key in its place; this one goes on for a day",
                onclick: () => doing(async () => [made.value = await rotateKey(key.id), asked.again()]),
              }, "Rotate"),
              sure("Delete", () => deleteKey(key.id).then(asked.again)),
            ),
          ]),
          "There is no key yet.",
        )),
    ),
  ];
}

export function peopleSection() {
  const asked = loaded((abort) => listPeople(abort));
  return [
    h(
      "section.card.stack",
      null,
      h("h2", null, "Add somebody"),
      formOf(
        [
          field("E-mail", "email", { type: "email", required: true }),
          field("Password", "password", {
            type: "password",
            required: true,
            minlength: 8,
            autocomplete: "new-password",
          }),
          choose("Role", "role", [["member", "member"], ["admin", "admin"]]),
        ],
        "Add",
        async ({ email = "", password = "", role = "member" }) => {
          await addPerson({ email, password, role });
          toast(`${email} can sign in now.`);
          asked.again();
        },
      ),
    ),
    h(
      "section.card.stack",
      null,
      h("h2", null, "People"),
      stateOf(asked, (list) =>
        tableOf(
          ["E-mail", "Role", "Signed in", "Sign-ins", ""],
          list.map((/** @type {any} */ person) => personRow(person, asked.again)),
        )),
    ),
  ];
}

/** @param {any} person @param {() => void} again @returns {import("../kernel/view.js").Child[]} */
function personRow(person, again) {
  const own = person.id === account.last?.id;
  const role = h("select", {
    "aria-label": `Role of ${person.email}`,
    onchange: (/** @type {any} */ event) => doing(() => setRole(person.id, event.target.value)).then(again),
  }, ["member", "admin"].map((each) => h("option", { value: each, selected: each === person.role }, each)));
  return [
    h("bdi", null, person.email, own && " (you)"),
    role,
    person.last_sign_in_at ? timeOf(person.last_sign_in_at) : h("span.faint", null, "never"),
    person.sessions,
    h(
      "div.row",
      null,
      person.locked_until &&
        h("button", { onclick: () => doing(() => unlock(person.id).then(again), "Unlocked") }, "Unlock"),
      passwordButton(person),
      !own && sure("Delete", () => deletePerson(person.id).then(again)),
    ),
  ];
}

/** @param {any} person */
function passwordButton(person) {
  const open = signal(false);
  return h(
    "span",
    null,
    () =>
      open.value
        ? formOf(
          [field("New password", "password", {
            type: "password",
            required: true,
            minlength: 8,
            autocomplete: "new-password",
          })],
          "Set it",
          async ({ password = "" }) => {
            await setPassword(person.id, password);
            open.value = false;
            toast(`${person.email} has a new password; their sign-ins ended.`);
          },
        )
        : h("button.plain", { onclick: () => void (open.value = true) }, "New password"),
  );
}
