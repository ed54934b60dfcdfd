// @ts-check
/** Values that tell who reads them when they change. An effect runs again after it; a scope ends what was made in it. */

let active = /** @type {Cell | null} */ (null);
let owner = /** @type {Array<() => void> | null} */ (null);
let held = 0;
const waiting = /** @type {Set<Effect>} */ (new Set());

/** What is read by others, what reads others, or both. */
class Cell {
  version = 0;
  observers = /** @type {Set<Cell>} */ (new Set());
  sources = /** @type {Map<Cell, number>} */ (new Map());

  stale() {}
  refresh() {}

  track() {
    if (!active) return;
    this.observers.add(active);
    active.sources.set(this, this.version);
  }

  /** Whether something that was read has another value now. */
  changed() {
    for (const [source, version] of this.sources) {
      source.refresh();
      if (source.version !== version) return true;
    }
    return false;
  }

  forget() {
    for (const source of this.sources.keys()) source.observers.delete(this);
    this.sources.clear();
  }
}

/** @template T @param {Cell | null} observer @param {() => T} run @returns {T} */
function observed(observer, run) {
  const before = active;
  active = observer;
  try {
    return run();
  } finally {
    active = before;
  }
}

/** @template T */
export class Signal extends Cell {
  /** @param {T} value */
  constructor(value) {
    super();
    this.last = value;
  }

  get value() {
    this.track();
    return this.last;
  }

  set value(next) {
    if (Object.is(next, this.last)) return;
    this.last = next;
    this.version++;
    batch(() => [...this.observers].forEach((each) => each.stale()));
  }
}

/** @template T */
class Computed extends Cell {
  dirty = true;
  last = /** @type {T | undefined} */ (undefined);

  /** @param {() => T} compute */
  constructor(compute) {
    super();
    this.compute = compute;
  }

  /** @returns {T} */
  get value() {
    this.refresh();
    this.track();
    return /** @type {T} */ (this.last);
  }

  /** @override */
  refresh() {
    if (!this.dirty) return;
    this.dirty = false;
    if (this.version && !this.changed()) return;
    this.forget();
    const next = observed(this, this.compute);
    if (!this.version || !Object.is(next, this.last)) this.version++;
    this.last = next;
  }

  /** @override */
  stale() {
    if (this.dirty) return;
    this.dirty = true;
    [...this.observers].forEach((each) => each.stale());
  }
}

class Effect extends Cell {
  end = () => {};

  /** @param {() => void | (() => void)} work */
  constructor(work) {
    super();
    this.work = work;
    this.run();
  }

  /** @override */
  stale() {
    waiting.add(this);
  }

  run() {
    this.forget();
    this.end();
    const { result, end } = scope(() => observed(this, this.work));
    this.end = () => void [end(), result?.()];
  }
}

/** Make a value that can be read and set. @template T @param {T} value @returns {Signal<T>} */
export const signal = (value) => new Signal(value);

/** Make a value from others, computed when it is read. @template T @param {() => T} compute @returns {{ readonly value: T }} */
export function computed(compute) {
  const made = new Computed(compute);
  onEnd(() => made.forget());
  return made;
}

/** Run now and after each change of what was read. The work may return what ends it. @param {() => void | (() => void)} work */
export function effect(work) {
  const made = new Effect(work);
  onEnd(() => [waiting.delete(made), made.forget(), made.end()]);
}

/** Let effects wait until all of it is done. @template T @param {() => T} work @returns {T} */
export function batch(work) {
  held++;
  try {
    return work();
  } finally {
    // Effects that are added meanwhile are reached by the same loop.
    if (held === 1) { for (const each of waiting) if (waiting.delete(each) && each.changed()) each.run(); }
    held--;
  }
}

/** Read without being told of changes. @template T @param {() => T} work @returns {T} */
export const untracked = (work) => observed(null, work);
/** Run, and say how to end all that was made meanwhile. @template T @param {() => T} work @returns {{ result: T, end: () => void }} */
export function scope(work) {
  const before = owner;
  const made = /** @type {Array<() => void>} */ ([]);
  owner = made;
  try {
    const result = work();
    return { result, end: () => made.splice(0).reverse().forEach((end) => end()) };
  } finally {
    owner = before;
  }
}

/** Call this when the scope that is open now ends. @param {() => void} end */
export const onEnd = (end) => void owner?.push(end);
