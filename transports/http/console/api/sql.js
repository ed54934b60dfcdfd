// @ts-check
/** Statements, and what they may read. */
import { get, request } from "./studio.js";

/** @typedef {{ columns: { name: string, type: string }[], rows: unknown[][], truncated: boolean, elapsed_ms: number }} Rows */

/** @param {string} sql @param {number} limit @param {AbortSignal} [abort] @returns {Promise<Rows>} */
export const runSql = async (sql, limit, abort) =>
  (await request("POST", "api/v1/sql", { body: { sql, limit }, ...(abort && { abort }) })).json();

/** The rows as a file. @param {string} sql @param {number} limit @param {"csv" | "parquet"} format @returns {Promise<Blob>} */
export const sqlFile = async (sql, limit, format) =>
  (await request("POST", "api/v1/sql", { body: { sql, limit, format }, accept: "*/*" })).blob();

/** @returns {Promise<import("../model/sql_words.js").Schema>} */
export const sqlSchema = () => get("api/v1/sql/schema");
