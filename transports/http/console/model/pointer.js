// @ts-check
/** JSON Pointers (RFC 6901). */

/** What is at a path of a value, or undefined. @param {unknown} value @param {string} pointer such as `/drafts/0` */
export function valueAt(value, pointer) {
  let here = value;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (here === null || typeof here !== "object" || !Object.hasOwn(here, key)) return undefined;
    here = Reflect.get(here, key);
  }
  return here;
}
