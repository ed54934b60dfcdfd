// @ts-check
/** Places for the boxes of a directed graph, in layers from above to below, and ways for its edges. Work is bounded. */

/** @typedef {{ id: string, width: number, height: number }} Box */
/** @typedef {{ from: string, to: string }} Edge */
/** @typedef {{ index: number, layer: number, width: number, height: number, x: number, order: number, above: Cell[], below: Cell[] }} Cell a box, or a bend of an edge */
/** @typedef {{ x: number, y: number, width: number, height: number }} Place */
/** @typedef {{ places: Map<string, Place>, ways: string[], middles: { x: number, y: number }[], width: number, height: number }} Layout `ways` are SVG paths, one for each edge that was given */

const [GAP_X, GAP_Y, MARGIN] = [28, 52, 16];
const SWEEPS = 6; // over all layers, to have fewer crossings
const MOST_BENDS = 3000; // with more, long edges go straight
const BEND = 12; // pixels that a bend keeps free

/** Boxes that no edge leads to come first; edges that close a ring go upwards. @param {readonly Box[]} boxes @param {readonly Edge[]} edges @returns {Layout} */
export function layout(boxes, edges) {
  const index = new Map(boxes.map(({ id }, place) => [id, place]));
  const known = edges.map(({ from, to }) => [index.get(from) ?? -1, index.get(to) ?? -1]);
  const real = known.filter(([from, to]) =>
    from !== undefined && to !== undefined && from >= 0 && to >= 0 && from !== to
  );
  const down = withoutRings(boxes.length, /** @type {[number, number][]} */ (real));
  const layers = ranks(boxes.length, down);
  const cells = boxes.map((box, place) => cell(place, layers[place] ?? 0, box.width, box.height));
  const bends = connect(cells, down);
  const rows = inLayers([...cells, ...bends.all]);
  arrange(rows);
  const tops = placed(rows);
  const places = new Map(boxes.map((box, place) => {
    const { x, layer } = /** @type {Cell} */ (cells[place]);
    return [box.id, { x: x - box.width / 2, y: tops[layer] ?? 0, width: box.width, height: box.height }];
  }));
  const wide = Math.max(
    0,
    ...[...places.values()].map(({ x, width }) => x + width),
    ...bends.all.map(({ x }) => x + BEND),
  );
  const high = Math.max(0, ...[...places.values()].map(({ y, height }) => y + height));
  const drawn = known.map(([from = -1, to = -1]) =>
    way(cells, tops, bends.of.get(`${from} ${to}`) ?? [], from, to, wide)
  );
  const rings = drawn.some(({ around }) => around);
  return {
    places,
    ways: drawn.map(({ path }) => path),
    middles: drawn.map(({ middle }) => middle),
    width: wide + MARGIN + (rings ? GAP_X : 0),
    height: high + MARGIN,
  };
}

/** @param {number} index @param {number} layer @param {number} width @param {number} height @returns {Cell} */
const cell = (index, layer, width, height) => ({ index, layer, width, height, x: 0, order: 0, above: [], below: [] });

/** Edges without those that lead back to where one came from. @param {number} count @param {[number, number][]} edges */
function withoutRings(count, edges) {
  const out = Array.from({ length: count }, () => /** @type {number[]} */ ([]));
  const incoming = new Int32Array(count);
  for (const [from, to] of edges) {
    out[from]?.push(to);
    incoming[to] = (incoming[to] ?? 0) + 1;
  }
  const state = new Uint8Array(count); // 1: on the way, 2: done
  const kept = /** @type {[number, number][]} */ ([]);
  const starts = [...Array(count).keys()].sort((a, b) => Math.min(1, incoming[a] ?? 0) - Math.min(1, incoming[b] ?? 0));
  for (const start of starts) {
    if (state[start]) continue;
    const stack = [{ node: start, next: 0 }];
    state[start] = 1;
    while (stack.length) {
      const top = /** @type {{ node: number, next: number }} */ (stack.at(-1));
      const to = out[top.node]?.[top.next++];
      if (to === undefined) {
        state[top.node] = 2;
        stack.pop();
      } else if (state[to] !== 1) {
        kept.push([top.node, to]);
        if (!state[to]) {
          state[to] = 1;
          stack.push({ node: to, next: 0 });
        }
      }
    }
  }
  return kept;
}

/** The layer of each: one below the lowest that leads to it. @param {number} count @param {[number, number][]} edges */
function ranks(count, edges) {
  const [rank, incoming] = [new Int32Array(count), new Int32Array(count)];
  const out = Array.from({ length: count }, () => /** @type {number[]} */ ([]));
  for (const [from, to] of edges) {
    out[from]?.push(to);
    incoming[to] = (incoming[to] ?? 0) + 1;
  }
  const ready = [...Array(count).keys()].filter((node) => !incoming[node]);
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    for (const to of out[node] ?? []) {
      rank[to] = Math.max(rank[to] ?? 0, (rank[node] ?? 0) + 1);
      incoming[to] = (incoming[to] ?? 0) - 1;
      if (incoming[to] === 0) ready.push(to);
    }
  }
  return rank;
}

/** Join cells, over bends in the layers between. @param {Cell[]} cells @param {[number, number][]} edges */
function connect(cells, edges) {
  const all = /** @type {Cell[]} */ ([]);
  /** @type {Map<string, Cell[]>} */
  const of = new Map();
  for (const [from, to] of edges) {
    const [start, end] = [/** @type {Cell} */ (cells[from]), /** @type {Cell} */ (cells[to])];
    const bends = [];
    if (all.length < MOST_BENDS) {
      for (let layer = start.layer + 1; layer < end.layer; layer++) bends.push(cell(-1, layer, BEND, 0));
    }
    const chain = [start, ...bends, end];
    chain.slice(1).forEach((next, place) => {
      const before = /** @type {Cell} */ (chain[place]);
      before.below.push(next);
      next.above.push(before);
    });
    all.push(...bends);
    of.set(`${from} ${to}`, bends);
  }
  return { all, of };
}

/** @param {Cell[]} cells */
function inLayers(cells) {
  const rows = /** @type {Cell[][]} */ ([]);
  for (const each of cells) (rows[each.layer] ??= []).push(each);
  for (const row of rows) row.forEach((each, place) => each.order = place);
  return rows;
}

/** Order each layer by the middle of what it is joined to, some times down and up. @param {Cell[][]} rows */
function arrange(rows) {
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wanted = new Map(
        row.map((each) => [each, mean((down ? each.above : each.below).map(({ order }) => order), each.order)]),
      );
      row.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      row.forEach((each, place) => each.order = place);
    }
  }
}

/** @param {number[]} values @param {number} otherwise */
const mean = (values, otherwise) =>
  values.length ? values.reduce((sum, each) => sum + each, 0) / values.length : otherwise;

/** Give all cells their middles, and the layers their tops. @param {Cell[][]} rows */
function placed(rows) {
  for (const row of rows) spread(row, row.map((_, place) => place * 100));
  for (let pass = 0; pass < SWEEPS; pass++) {
    const down = pass % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      spread(
        row,
        row.map((each) => mean((down ? each.above : each.below).map(({ x }) => x), each.x)),
      );
    }
  }
  const left = Math.min(0, ...rows.flat().map(({ x, width }) => x - width / 2)) - MARGIN;
  for (const each of rows.flat()) each.x -= left;
  const tops = [];
  let top = MARGIN;
  for (const row of rows) {
    tops.push(top);
    top += Math.max(...row.map(({ height }) => height), 0) + GAP_Y;
  }
  return tops;
}

/** Put a layer as near to where it wants to be as there is room. @param {Cell[]} row @param {number[]} wanted */
function spread(row, wanted) {
  const between = (/** @type {number} */ place) =>
    ((row[place]?.width ?? 0) + (row[place - 1]?.width ?? 0)) / 2 + GAP_X;
  const right = row.map((_, place) => wanted[place] ?? 0);
  for (let place = 1; place < row.length; place++) {
    right[place] = Math.max(right[place] ?? 0, (right[place - 1] ?? 0) + between(place));
  }
  const left = row.map((_, place) => wanted[place] ?? 0);
  for (let place = row.length - 2; place >= 0; place--) {
    left[place] = Math.min(left[place] ?? 0, (left[place + 1] ?? 0) - between(place + 1));
  }
  row.forEach((each, place) => each.x = ((right[place] ?? 0) + (left[place] ?? 0)) / 2);
  for (let place = 1; place < row.length; place++) {
    const [each, before] = [/** @type {Cell} */ (row[place]), /** @type {Cell} */ (row[place - 1])];
    each.x = Math.max(each.x, before.x + between(place));
  }
}

/** @param {Cell[]} cells @param {number[]} tops @param {Cell[]} bends @param {number} from @param {number} to @param {number} wide */
function way(cells, tops, bends, from, to, wide) {
  const [start, end] = [cells[from], cells[to]];
  if (!start || !end) return { path: "", middle: { x: 0, y: 0 }, around: false };
  const [y1, y2] = [(tops[start.layer] ?? 0) + start.height, tops[end.layer] ?? 0];
  if (start.layer >= end.layer) {
    const [out, above] = [(tops[start.layer] ?? 0) + start.height / 2, (tops[end.layer] ?? 0) + end.height / 2];
    const side = wide + GAP_X / 2;
    const path = `M${start.x + start.width / 2} ${out}C${side + 30} ${out} ${side + 30} ${above} ${
      end.x + end.width / 2
    } ${above}`;
    return { path, middle: { x: side, y: (out + above) / 2 }, around: true };
  }
  const points = [{ x: start.x, y: y1 }, ...bends.map(({ x, layer }) => ({ x, y: tops[layer] ?? 0 })), {
    x: end.x,
    y: y2,
  }];
  const path = points.slice(1).reduce((drawn, { x, y }, place) => {
    const before = /** @type {{ x: number, y: number }} */ (points[place]);
    const middle = (before.y + y) / 2;
    return `${drawn}C${before.x} ${middle} ${x} ${middle} ${x} ${y}`;
  }, `M${start.x} ${y1}`);
  const [one, two] = [points[0], points[1]];
  return {
    path,
    middle: { x: ((one?.x ?? 0) + (two?.x ?? 0)) / 2, y: ((one?.y ?? 0) + (two?.y ?? 0)) / 2 },
    around: false,
  };
}
