// The spans of a trace as a tree with roll-ups, and the rows of it that are in sight. Pure: a trace of ten thousand
// spans becomes a tree once, and every fold or unfold makes a new list of rows from it.

import type { Span } from '../api/types';

/** What a span and everything below it took. */
export interface Total {
  spans: number;
  errors: number;
  calls: number;
  inputTokens: number;
  outputTokens: number;
  /** In billionths of a dollar, exactly. */
  costNanoUsd: bigint;
  /** Whether any span stated tokens or a cost: unknown is not zero. */
  hasTokens: boolean;
  hasCost: boolean;
}

/** A span in its place. */
export interface TreeNode {
  span: Span;
  parent: TreeNode | undefined;
  children: TreeNode[];
  /** Roots have 0. */
  depth: number;
  total: Total;
}

/** A trace in its order. */
export interface Tree {
  roots: TreeNode[];
  byId: ReadonlyMap<string, TreeNode>;
  total: Total;
  startMs: number;
  endMs: number;
}

const CALL_KINDS: readonly string[] = ['llm', 'embedding', 'rerank'];

/**
 * Builds the tree. A span whose parent is not there is a root; so is the first span of a circle, which a broken
 * exporter can write.
 */
export function treeOf(spans: readonly Span[]): Tree {
  const byId = new Map<string, TreeNode>();
  for (const span of spans) {
    byId.set(span.span_id, { span, parent: undefined, children: [], depth: 0, total: own(span) });
  }
  const roots: TreeNode[] = [];
  for (const node of byId.values()) {
    const parent = node.span.parent_id === null ? undefined : byId.get(node.span.parent_id);
    if (!parent) roots.push(node);
    else {
      node.parent = parent;
      parent.children.push(node);
    }
  }
  openCircles(byId, roots);
  roots.sort(byStart);
  const order = descend(roots);
  // Children come after their parents in the order, so from its end every total is whole before it is added.
  for (let i = order.length - 1; i >= 0; i -= 1) {
    const node = order[i];
    if (node?.parent) add(node.parent.total, node.total);
  }
  const total = none();
  for (const root of roots) add(total, root.total);
  const starts = spans.map(({ start_ms }) => start_ms);
  const ends = spans.map(({ start_ms, duration_ms }) => start_ms + duration_ms);
  return { roots, byId, total, startMs: least(starts), endMs: greatest(ends) };
}

/** The nodes in sight: those without a folded one above them. */
export function visible(tree: Tree, folded: ReadonlySet<string>): TreeNode[] {
  const rows: TreeNode[] = [];
  const stack = tree.roots.toReversed();
  for (let node = stack.pop(); node; node = stack.pop()) {
    rows.push(node);
    if (folded.has(node.span.span_id)) continue;
    for (let i = node.children.length - 1; i >= 0; i -= 1) {
      const child = node.children[i];
      if (child) stack.push(child);
    }
  }
  return rows;
}

/** The names of all nodes that have something to fold. */
export function foldable(tree: Tree): Set<string> {
  const ids = [...tree.byId.values()].filter(({ children }) => children.length > 0);
  return new Set(ids.map(({ span }) => span.span_id));
}

/** Both sides of one call: the caller's span, and the gateway's which holds tokens and cost. */
export interface BothSides {
  caller: Span;
  gateway: Span;
  /** What the caller waited beyond what the gateway took: network, connecting, queues. Below zero when clocks differ. */
  outsideMs: number;
  /** Before the gateway saw the request, and after its last byte; undefined when clocks disagree. */
  beforeMs: number | undefined;
  afterMs: number | undefined;
}

/** The two sides of the call that a span belongs to; undefined for a call that was seen once. */
export function bothSides(span: Span, tree: Tree): BothSides | undefined {
  const named = span.same_as ? tree.byId.get(span.same_as)?.span : undefined;
  const caller = named
    ? span
    : [...tree.byId.values()].find((node) => node.span.same_as === span.span_id)?.span;
  const gateway = named ?? (caller ? span : undefined);
  if (!caller || !gateway) return undefined;
  const beforeMs = gateway.start_ms - caller.start_ms;
  const outsideMs = caller.duration_ms - gateway.duration_ms;
  const afterMs = outsideMs - beforeMs;
  const agree = beforeMs >= 0 && afterMs >= 0;
  return {
    caller,
    gateway,
    outsideMs,
    beforeMs: agree ? beforeMs : undefined,
    afterMs: agree ? afterMs : undefined,
  };
}

/** Dollars of a roll-up, for display. */
export function dollars({ costNanoUsd, hasCost }: Total): number | null {
  return hasCost ? Number(costNanoUsd) / 1e9 : null;
}

function own(span: Span): Total {
  // A span that repeats another states nothing itself; if an exporter does anyway, it is counted once.
  const isRepeat = Boolean(span.same_as);
  const { input, output } = span.tokens;
  return {
    spans: 1,
    errors: span.status === 'error' ? 1 : 0,
    calls: !isRepeat && CALL_KINDS.includes(span.kind) ? 1 : 0,
    inputTokens: isRepeat ? 0 : (input ?? 0),
    outputTokens: isRepeat ? 0 : (output ?? 0),
    costNanoUsd: isRepeat ? 0n : BigInt(span.cost_nano_usd ?? '0'),
    hasTokens: !isRepeat && (input !== null || output !== null),
    hasCost: !isRepeat && span.cost_nano_usd !== null,
  };
}

function none(): Total {
  return {
    spans: 0,
    errors: 0,
    calls: 0,
    inputTokens: 0,
    outputTokens: 0,
    costNanoUsd: 0n,
    hasTokens: false,
    hasCost: false,
  };
}

function add(to: Total, from: Total) {
  to.spans += from.spans;
  to.errors += from.errors;
  to.calls += from.calls;
  to.inputTokens += from.inputTokens;
  to.outputTokens += from.outputTokens;
  to.costNanoUsd += from.costNanoUsd;
  to.hasTokens ||= from.hasTokens;
  to.hasCost ||= from.hasCost;
}

/** Makes a root of one span of each circle: what no root leads to is in a circle, or below one. */
function openCircles(byId: ReadonlyMap<string, TreeNode>, roots: TreeNode[]) {
  const reached = new Set(descend(roots));
  for (const node of byId.values()) {
    if (reached.has(node)) continue;
    const passed = new Set<TreeNode>();
    let first = node;
    while (first.parent && !passed.has(first)) {
      passed.add(first);
      first = first.parent;
    }
    if (first.parent) first.parent.children = first.parent.children.filter((child) => child !== first);
    first.parent = undefined;
    roots.push(first);
    for (const below of descend([first])) reached.add(below);
  }
}

/** All nodes, parents before their children; depths are set and children sorted on the way. */
function descend(roots: readonly TreeNode[]): TreeNode[] {
  const order = [...roots];
  for (let i = 0; i < order.length; i += 1) {
    const node = order[i];
    if (!node) break;
    node.children.sort(byStart);
    for (const child of node.children) {
      child.depth = node.depth + 1;
      order.push(child);
    }
  }
  return order;
}

function byStart(a: TreeNode, b: TreeNode): number {
  return a.span.start_ms - b.span.start_ms || b.span.duration_ms - a.span.duration_ms;
}

// Spreading ten thousand arguments into Math.min can overflow the stack of small browsers.
function least(values: readonly number[]): number {
  return values.reduce((min, value) => Math.min(min, value), Infinity);
}

function greatest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), -Infinity);
}
