// Traces as trees: every span once, roll-ups that add up, and both sides of one call.

import { describe, expect, it } from 'vitest';
import { bothSides, dollars, foldable, treeOf, visible } from '../src/traces/tree';
import { idOf, span, tokens } from './spans';

const names = (rows: { span: { name: string } }[]) => rows.map((row) => row.span.name);

describe('a tree', () => {
  it('has children below their parents in the order of their starts', () => {
    const tree = treeOf([
      span(3, { parent_id: idOf(1), start_ms: 30 }),
      span(1, { start_ms: 10 }),
      span(2, { parent_id: idOf(1), start_ms: 20 }),
      span(4, { parent_id: idOf(2), start_ms: 25 }),
    ]);
    expect(names(visible(tree, new Set()))).toEqual(['span 1', 'span 2', 'span 4', 'span 3']);
    expect(visible(tree, new Set()).map(({ depth }) => depth)).toEqual([0, 1, 2, 1]);
  });

  it('hides what is below a folded span', () => {
    const tree = treeOf([span(1), span(2, { parent_id: idOf(1) }), span(3, { parent_id: idOf(2) })]);
    expect(names(visible(tree, new Set([idOf(2)])))).toEqual(['span 1', 'span 2']);
    expect(foldable(tree)).toEqual(new Set([idOf(1), idOf(2)]));
  });

  it('shows a span whose parent is not there, and each span of a circle once', () => {
    const tree = treeOf([
      span(1, { parent_id: idOf(9) }),
      span(2, { parent_id: idOf(3) }),
      span(3, { parent_id: idOf(2) }),
      span(4, { parent_id: idOf(4) }),
    ]);
    const shown = names(visible(tree, new Set()));
    expect(shown.toSorted()).toEqual(['span 1', 'span 2', 'span 3', 'span 4']);
  });

  it('adds up tokens, cost and errors from below, to the billionth', () => {
    const tree = treeOf([
      span(1, { kind: 'agent' }),
      span(2, { parent_id: idOf(1), tokens: tokens(10, 5), cost_nano_usd: '9007199254740993' }),
      span(3, { parent_id: idOf(2), tokens: tokens(1, null), cost_nano_usd: '2', status: 'error' }),
    ]);
    const total = tree.roots[0]?.total;
    expect(total).toMatchObject({ spans: 3, errors: 1, calls: 2, inputTokens: 11, outputTokens: 5 });
    expect(total?.costNanoUsd).toBe(9_007_199_254_740_995n);
    expect(tree.total.costNanoUsd).toBe(9_007_199_254_740_995n);
  });

  it('tells an unknown cost from none', () => {
    const unknown = treeOf([span(1, { kind: 'tool' })]);
    expect(dollars(unknown.total)).toBeNull();
    const free = treeOf([span(1, { cost_nano_usd: '0' })]);
    expect(dollars(free.total)).toBe(0);
  });

  it('counts a call once that two sides reported', () => {
    const tree = treeOf([
      span(1, { same_as: idOf(2), tokens: tokens(7, 7), cost_nano_usd: '5', source: 'otlp' }),
      span(2, { parent_id: idOf(1), tokens: tokens(7, 7), cost_nano_usd: '5' }),
    ]);
    expect(tree.total).toMatchObject({ calls: 1, inputTokens: 7, outputTokens: 7, costNanoUsd: 5n });
  });

  it('of ten thousand spans in one chain is made without running out of stack', () => {
    const count = 10_000;
    const spans = Array.from({ length: count }, (_, i) => span(i, i === 0 ? {} : { parent_id: idOf(i - 1) }));
    const tree = treeOf(spans.toReversed());
    expect(visible(tree, new Set())).toHaveLength(count);
    expect(tree.roots[0]?.total.spans).toBe(count);
  });
});

describe('both sides of a call', () => {
  const caller = span(1, { same_as: idOf(2), start_ms: 100, duration_ms: 500 });
  const gateway = span(2, { parent_id: idOf(1), start_ms: 130, duration_ms: 400 });

  it('are found from either, with what is between them', () => {
    const tree = treeOf([caller, gateway]);
    for (const side of [caller, gateway]) {
      expect(bothSides(side, tree)).toMatchObject({
        caller: { span_id: idOf(1) },
        gateway: { span_id: idOf(2) },
        outsideMs: 100,
        beforeMs: 30,
        afterMs: 70,
      });
    }
  });

  it('say nothing about before and after when their clocks disagree', () => {
    const early = { ...gateway, start_ms: 90 };
    expect(bothSides(early, treeOf([caller, early]))).toMatchObject({ outsideMs: 100, beforeMs: undefined });
  });

  it('are not there for a call that was seen once', () => {
    expect(bothSides(gateway, treeOf([gateway]))).toBeUndefined();
  });
});
