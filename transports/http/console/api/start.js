// @ts-check
/** What somebody asks who comes first: the first account, a key to send with, and where to send to. */
import { get, request, send, signedIn, urlOf } from "./studio.js";

/** Whether anybody has an account here yet. @param {AbortSignal} [abort] @returns {Promise<boolean>} */
export const usersExist = async (abort) => (await get("users/db-has-users", {}, abort)).users_exist;

/** Make the first account, and be signed in. @param {string} email @param {string} password @param {string} code "" where none is asked for */
export async function createFirstUser(email, password, code) {
  /** @type {Record<string, string>} */
  const headers = code ? { "x-junjo-setup-code": code } : {};
  await request("POST", "users/create-first-user", { body: { email, password }, headers });
  await signedIn();
}

/** A new key that may send spans; its secret is shown this once. @param {string} name @returns {Promise<string>} */
export const createKey = async (name) => (await send("POST", "api/v1/keys", { name, scopes: ["ingest"] })).key;

/** Where exporters send to: over HTTP without a path, and over gRPC. @param {AbortSignal} [abort] @returns {Promise<{ http: string, grpc: string }>} */
export async function endpoints(abort) {
  const { otlp_endpoint } = await get("api/config", {}, abort);
  const http = new URL(urlOf(""), location.href).href.replace(/\/$/, "");
  return { http, grpc: String(otlp_endpoint).replace(/^grpcs?:\/\//, "") };
}

/** @typedef {import("./types.d.ts").RefusedExport} RefusedExport */

/** The exports that were refused lately, the latest first. @param {AbortSignal} [abort] @returns {Promise<RefusedExport[]>} */
export const refusedExports = async (abort) => (await get("api/v1/refused-exports", {}, abort)).refused;

/** Send spans as a program does, in OTLP's JSON. @param {string} key @param {unknown} spans */
export async function sendSpans(key, spans) {
  await request("POST", "v1/traces", { body: spans, headers: { "x-junjo-api-key": key } });
}
