// @ts-check
/** What two texts have in common, word by word. The work is bounded: long texts that have little in common are replaced whole. */

/** @typedef {{ kind: "same" | "added" | "removed", text: string }} Piece */

const MOST = 4_000_000; // pairs of words that are compared

/** @param {string} before @param {string} after @returns {Piece[]} */
export function wordDiff(before, after) {
  const [one, two] = [words(before), words(after)];
  let [start, endOne, endTwo] = [0, one.length, two.length];
  while (start < endOne && start < endTwo && one[start] === two[start]) start++;
  while (endOne > start && endTwo > start && one[endOne - 1] === two[endTwo - 1]) {
    [endOne, endTwo] = [endOne - 1, endTwo - 1];
  }
  const middle = changed(one.slice(start, endOne), two.slice(start, endTwo));
  return joined([...one.slice(0, start).map(same), ...middle, ...one.slice(endOne).map(same)]);
}

/** @param {string} text */
const words = (text) => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
/** @param {string} text @returns {Piece} */
const same = (text) => ({ kind: "same", text });

/** @param {string[]} one @param {string[]} two @returns {Piece[]} */
function changed(one, two) {
  if (one.length * two.length > MOST) {
    return [{ kind: "removed", text: one.join("") }, { kind: "added", text: two.join("") }];
  }
  const wide = two.length + 1;
  const longest = new Uint32Array((one.length + 1) * wide);
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = two.length - 1; j >= 0; j--) {
      longest[i * wide + j] = one[i] === two[j]
        ? (longest[(i + 1) * wide + j + 1] ?? 0) + 1
        : Math.max(longest[(i + 1) * wide + j] ?? 0, longest[i * wide + j + 1] ?? 0);
    }
  }
  const pieces = /** @type {Piece[]} */ ([]);
  let [i, j] = [0, 0];
  while (i < one.length || j < two.length) {
    if (i < one.length && j < two.length && one[i] === two[j]) pieces.push(same(one[i] ?? "")), i++, j++;
    else if (
      j >= two.length || (i < one.length && (longest[(i + 1) * wide + j] ?? 0) >= (longest[i * wide + j + 1] ?? 0))
    ) pieces.push({ kind: "removed", text: one[i++] ?? "" });
    else pieces.push({ kind: "added", text: two[j++] ?? "" });
  }
  return pieces;
}

/** Neighbours of one kind as one. @param {Piece[]} pieces */
function joined(pieces) {
  const found = /** @type {Piece[]} */ ([]);
  for (const piece of pieces) {
    const last = found.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else found.push({ ...piece });
  }
  return found;
}
