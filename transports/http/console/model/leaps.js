// @ts-check
/** Where cost or time of a conversation leaps. */

const TIMES = 2; // as much as in the turn before
const LEAST = { cost_usd: 0.001, duration_ns: 1e9 }; // what is less than that is no leap

/** What leaps in a turn, by its trace. @param {readonly { trace: any }[]} turns @returns {ReadonlyMap<string, string>} */
export function leaps(turns) {
  const found = new Map();
  turns.forEach(({ trace }, index) => {
    const before = turns[index - 1]?.trace;
    if (!before) return;
    const more = [
      leapt(trace.cost_usd, before.cost_usd, LEAST.cost_usd) && `cost ×${times(trace.cost_usd, before.cost_usd)}`,
      leapt(trace.duration_ns, before.duration_ns, LEAST.duration_ns) &&
      `time ×${times(trace.duration_ns, before.duration_ns)}`,
    ].filter(Boolean);
    if (more.length) found.set(trace.trace_id, more.join(", "));
  });
  return found;
}

/** @param {number | null} now @param {number | null} before @param {number} least */
const leapt = (now, before, least) =>
  now !== null && before !== null && before > 0 && now - before >= least && now >= TIMES * before;

/** @param {number} now @param {number} before */
const times = (now, before) => Number((now / before).toPrecision(2));
