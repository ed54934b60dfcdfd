// @ts-check
/** The graph of a run as boxes: what runs side by side stands in one box, and what a subflow did in that of the subflow. */

/** @typedef {any} Node as `/workflows/TRACE/SPAN` has it */
/** @typedef {{ node: Node, kind: "node" | "concurrent" | "subflow", members: Node[] }} Box */

/** @param {{ nodes: Node[], edges: { from: string, to: string, condition: string | null, taken: boolean | null }[], graph: any }} run */
export function boxesOf({ nodes, edges, graph }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const subflows = new Map(
    (graph?.nodes ?? []).filter((/** @type {any} */ each) => each.isSubflow).map((
      /** @type {any} */ each,
    ) => [each.id, each]),
  );
  const owner = new Map(/** @type {[string, string][]} */ ([]));
  for (const node of nodes) for (const child of node.children) if (byId.has(child)) owner.set(child, node.id);
  for (const [id, { subflowSourceId, subflowSinkId }] of subflows) {
    for (const inside of between(edges, subflowSourceId, subflowSinkId)) {
      if (inside !== id && byId.has(inside) && !owner.has(inside)) owner.set(inside, id);
    }
  }
  const top = nodes.filter(({ id }) => !owner.has(id));
  const boxes = top.map((node) => /** @type {Box} */ ({
    node,
    kind: subflows.has(node.id) ? "subflow" : node.children.length ? "concurrent" : "node",
    members: nodes.filter(({ id }) => topOf(owner, id) === node.id && id !== node.id),
  }));
  const isTop = new Set(top.map(({ id }) => id));
  return { boxes, edges: edges.filter(({ from, to }) => isTop.has(from) && isTop.has(to)) };
}

/** What is reached from the first without going on behind the last. @param {{ from: string, to: string }[]} edges @param {string} first @param {string} last */
function between(edges, first, last) {
  const found = new Set([first]);
  for (const node of found) if (node !== last) { for (const { from, to } of edges) if (from === node) found.add(to); }
  return found;
}

/** @param {Map<string, string>} owner @param {string} id */
function topOf(owner, id) {
  const seen = new Set();
  let top = id;
  for (let above = owner.get(id); above !== undefined && !seen.has(above); above = owner.get(above)) {
    seen.add(above);
    top = above;
  }
  return top;
}
