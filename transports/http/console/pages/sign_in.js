// @ts-check
/** Signing in, in the place of the page that was asked for; and the first account, where there is none yet. */
import { loaded } from "../api/loaded.js";
import { createFirstUser, usersExist } from "../api/start.js";
import { Refused, signIn } from "../api/studio.js";
import { go, here, href } from "../kernel/address.js";
import { signal } from "../kernel/signal.js";
import { h } from "../kernel/view.js";
import { stateOf } from "../parts/states.js";

export const title = "Sign in";
export const open = true;

const SHORTEST = 8; // characters of a password

export function show() {
  // The page that was there is still in the document: somebody was in the middle of something.
  const wasSignedIn = document.querySelector(".page:not(:has(.sign-in))") !== null;
  const asked = loaded(usersExist);
  return h(
    "div.sign-in",
    null,
    h("img", { src: new URL("../style/icon.svg", import.meta.url).href, alt: "" }),
    h(
      "div.card.stack",
      null,
      stateOf(asked, (exist) => (exist ? signingIn(wasSignedIn) : firstAccount())),
    ),
  );
}

/** @param {boolean} wasSignedIn */
const signingIn = (wasSignedIn) => [
  h("h1", null, "Sign in"),
  wasSignedIn &&
  h("p.muted", { role: "status" }, "You were signed out. Sign in to go on where you were: the address is the same."),
  form("Sign in", [email(), password("current-password")], ({ email, password }) => signIn(email, password)),
];

function firstAccount() {
  const wantsCode = signal(!/^(localhost|127\..*|\[::1\])$/.test(location.hostname));
  /** @param {Record<"email" | "password" | "code", string>} given */
  async function create({ email, password, code }) {
    try {
      await createFirstUser(email, password, code ?? "");
      if (here() === "" || here() === "traces") go(href("start"), { replace: true });
    } catch (error) {
      if (error instanceof Refused && error.status === 403) wantsCode.value = true;
      throw error;
    }
  }
  return [
    h("h1", null, "Welcome to Junjo AI Studio"),
    h("p.muted", null, "Nobody has an account here yet. Yours is the first, and an admin's."),
    form("Create account", [email(), password("new-password"), () => wantsCode.value && setupCode()], create),
  ];
}

const email = () =>
  h(
    "label.field",
    null,
    "E-mail address",
    h("input", { name: "email", type: "email", required: true, autocomplete: "username", autofocus: true }),
  );

/** @param {"current-password" | "new-password"} purpose */
const password = (purpose) =>
  h(
    "label.field",
    null,
    "Password",
    h("input", {
      name: "password",
      type: "password",
      required: true,
      autocomplete: purpose,
      minlength: purpose === "new-password" && SHORTEST,
    }),
    purpose === "new-password" && h("span.hint", null, `At least ${SHORTEST} characters`),
  );

const setupCode = () =>
  h(
    "label.field",
    null,
    "Set-up code",
    h("input.mono", { name: "code", autocomplete: "off", spellcheck: "false" }),
    h(
      "span.hint",
      null,
      "It stands in ",
      h("code", null, "secrets/setup-code"),
      " in the studio's data folder, or is what ",
      h("code", null, "JUNJO_SETUP_CODE"),
      " says. On the studio's own machine none is needed, except in production.",
    ),
  );

/** @param {string} label @param {import("../kernel/view.js").Child[]} fields @param {(given: any) => Promise<void>} run */
function form(label, fields, run) {
  const [busy, fault] = [signal(false), signal("")];
  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    busy.value = true;
    try {
      await run(given);
      fault.value = "";
    } catch (error) {
      fault.value = sentence(error);
    } finally {
      busy.value = false;
    }
  }
  return h(
    "form.stack",
    { onsubmit: submit },
    fields,
    h("p.is-error", { role: "alert", hidden: () => !fault.value }, () => fault.value),
    h("button.primary", { disabled: () => busy.value }, () => (busy.value ? "One moment …" : label)),
  );
}

/** @param {unknown} error */
function sentence(error) {
  const wait = error instanceof Refused && error.retryAfter;
  const said = error instanceof Error ? error.message : String(error);
  return wait ? `${said}. Try again in ${wait < 90 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`}.` : said;
}
