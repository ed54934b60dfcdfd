// @ts-check
/** People, keys, sign-ins, prices, alerts, and what is stored. */
import { get, send } from "./studio.js";

const ROOT = "api/v1/";
/** @param {string} id */
const at = (id) => encodeURIComponent(id);

/** @param {AbortSignal} [abort] */
export const listKeys = async (abort) => (await get(`${ROOT}keys`, {}, abort)).keys;
/** @param {{ name: string, scopes: string[], expires_at: string | null }} key @returns {Promise<any>} with `key`, which is told this once */
export const makeKey = (key) => send("POST", `${ROOT}keys`, key);
/** @param {string} id @returns {Promise<any>} the new one, with `key` */
export const rotateKey = (id) => send("POST", `${ROOT}keys/${at(id)}/rotate`, {});
/** @param {string} id */
export const deleteKey = (id) => send("DELETE", `${ROOT}keys/${at(id)}`);

/** @param {AbortSignal} [abort] */
export const listPeople = async (abort) => (await get(`${ROOT}users`, {}, abort)).users;
/** @param {{ email: string, password: string, role: string }} person */
export const addPerson = (person) => send("POST", `${ROOT}users`, person);
/** @param {string} id @param {string} role */
export const setRole = (id, role) => send("PATCH", `${ROOT}users/${at(id)}`, { role });
/** @param {string} id @param {string} password */
export const setPassword = (id, password) => send("PUT", `${ROOT}users/${at(id)}/password`, { password });
/** @param {string} id */
export const unlock = (id) => send("DELETE", `${ROOT}users/${at(id)}/lock`);
/** @param {string} id */
export const deletePerson = (id) => send("DELETE", `users/${at(id)}`);

/** @param {AbortSignal} [abort] */
export const listSignIns = async (abort) => (await get(`${ROOT}account/sessions`, {}, abort)).sessions;
/** @param {string} id */
export const endSignIn = (id) => send("DELETE", `${ROOT}account/sessions/${at(id)}`);
export const endOtherSignIns = () => send("DELETE", `${ROOT}account/sessions`);
/** @param {string} current_password @param {string} new_password */
export const changePassword = (current_password, new_password) =>
  send("PUT", `${ROOT}account/password`, { current_password, new_password });

/** @param {AbortSignal} [abort] */
export const listPrices = (abort) => get(`${ROOT}prices`, {}, abort);
/** @param {any} price */
export const addPrice = (price) => send("POST", `${ROOT}prices`, price);
/** @param {string} id */
export const deletePrice = (id) => send("DELETE", `${ROOT}prices/${at(id)}`);

/** @param {AbortSignal} [abort] */
export const listAlerts = async (abort) => (await get(`${ROOT}alerts`, {}, abort)).alerts;
/** @param {any} alert @returns {Promise<any>} with `secret`, which is told this once */
export const addAlert = (alert) => send("POST", `${ROOT}alerts`, alert);
/** @param {string} id */
export const deleteAlert = (id) => send("DELETE", `${ROOT}alerts/${at(id)}`);
/** @param {string} id @param {AbortSignal} [abort] */
export const alertHistory = async (id, abort) => (await get(`${ROOT}alerts/${at(id)}/history`, {}, abort)).changes;

/** @param {AbortSignal} [abort] */
export const healthDetails = (abort) => get("health/details", {}, abort);

/** @param {AbortSignal} [abort] */
export const getRetention = (abort) => get(`${ROOT}retention`, {}, abort);
/** What a rule would delete. @param {{ days: any, gb: any }} rule @param {AbortSignal} [abort] */
export const previewRetention = (rule, abort) => get(`${ROOT}retention/preview`, rule, abort);
/** @param {{ days: any, gb: any }} rule */
export const setRetention = (rule) => send("PUT", `${ROOT}retention`, rule);

/** @param {{ actor?: string | null, action?: string | null, outcome?: string | null, from?: string | null, to?: string | null, after?: string | null, limit?: number }} query @param {AbortSignal} [abort] */
export const listAudit = (query, abort) => get(`${ROOT}audit`, query, abort);
