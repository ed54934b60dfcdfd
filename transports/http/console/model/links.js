// @ts-check
/** Addresses that came with data. */

/** The address if it may be a link: http, https, or our own; else null. @param {string} text @returns {string | null} */
export function safeHref(text) {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
