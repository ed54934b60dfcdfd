// @ts-check
/** What was asked for, as signals: what a page shows while it waits, when it is there, and when it was refused. */
import { effect, signal } from "../kernel/signal.js";

/**
 * What a promise of signals gives: `{ state: "loading" | "ready" | "failed", value, error, again() }`. Asked again when
 * a signal that `ask` reads before its first `await` changes; the question before is then aborted, and its value stays
 * until the new one is there.
 * @template T @param {(abort: AbortSignal) => Promise<T>} ask
 */
export function loaded(ask) {
  const [state, value, error, round] = [
    signal(/** @type {"loading" | "ready" | "failed"} */ ("loading")),
    signal(/** @type {T | null} */ (null)),
    signal(/** @type {Error | null} */ (null)),
    signal(0),
  ];
  effect(() => {
    void round.value;
    const abort = new AbortController();
    state.value = "loading";
    ask(abort.signal).then((result) => {
      if (abort.signal.aborted) return;
      value.value = result;
      error.value = null;
      state.value = "ready";
    }, (reason) => {
      if (abort.signal.aborted) return;
      error.value = reason instanceof Error ? reason : new Error(String(reason));
      state.value = "failed";
    });
    return () => abort.abort();
  });
  return { state, value, error, again: () => void (round.value = round.last + 1) };
}
