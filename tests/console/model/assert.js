// @ts-check
/** What tests of modules demand. */

/** @param {unknown} value @returns {string} */
const shown = (value) =>
  JSON.stringify(
    value,
    (_, each) => (each === undefined ? "undefined" : each),
    1,
  );

/** Demand that two values say the same, however deep. @param {unknown} got @param {unknown} wanted */
export function equal(got, wanted) {
  if (shown(got) !== shown(wanted)) {
    throw new Error(`expected ${shown(wanted)}, got ${shown(got)}`);
  }
}

/** @param {unknown} value @param {string} [what] */
export function ok(value, what = "a true value") {
  if (!value) throw new Error(`expected ${what}, got ${shown(value)}`);
}

/** @param {() => unknown} work @param {RegExp} pattern */
export function throws(work, pattern) {
  try {
    work();
  } catch (error) {
    if (pattern.test(String(error))) return;
    throw error;
  }
  throw new Error(`expected an error like ${pattern}`);
}
