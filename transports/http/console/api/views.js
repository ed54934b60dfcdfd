// @ts-check
/** Saved views. */
import { get, send } from "./studio.js";

/** @typedef {{ id: string, name: string, page: string, parameters: string, shared: boolean, own: boolean, owner: { email: string } }} SavedView */

/** @param {string} page @param {AbortSignal} [abort] @returns {Promise<SavedView[]>} */
export const listViews = async (page, abort) => (await get("api/v1/views", { page }, abort)).views;

/** @param {{ name: string, page: string, parameters: string, shared: boolean }} view @returns {Promise<SavedView>} */
export const saveView = (view) => send("POST", "api/v1/views", view);

/** @param {string} id */
export const deleteView = (id) => send("DELETE", `api/v1/views/${encodeURIComponent(id)}`);
