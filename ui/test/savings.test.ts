// Savings: what is money and what is not stay apart, and links find the calls of either.

import { expect, test, vi } from 'vitest';

vi.mock('../src/frame/address.svelte', () => ({
  address: { href: (path: string, changes: Record<string, string>) => `${path}?${JSON.stringify(changes)}` },
}));

import type { InstantAnswer } from '../src/api/types';
import { ALL_LAYERS, joined, layerHref, layerRows, savingsSql, seriesHref } from '../src/cost/savings';
import { NO_FILTERS } from '../src/query/expression';
import type { PanelContent } from '../src/question/charts';

const INTERVAL = { fromMs: 0, toMs: 60_000 };

const content = (layers: Record<string, number[]>): PanelContent => ({
  data: {
    timesMs: [0, 1],
    stepMs: 1,
    unit: 'usd',
    series: Object.entries(layers).map(([key, values], i) => ({
      key,
      label: key,
      color: `--series-${i + 1}`,
      values,
    })),
  },
  notes: [],
});

const answer = (amounts: Record<string, number>): InstantAnswer => ({
  unit: 'usd',
  notes: [],
  values: Object.entries(amounts).map(([layer, value]) => ({ tags: { layer }, value })),
});

test('a layer has one colour, and what it would have saved is hatched', () => {
  const { data } = joined(
    content({ cache: [1, 2], token_budget: [1, 1] }),
    content({ token_budget: [5, 0] }),
  );
  expect(data.series.map(({ key, color, isHypothetical = false }) => [key, color, isHypothetical])).toEqual([
    ['cache', '--series-1', false],
    ['token_budget', '--series-2', false],
    ['token_budget, would be', '--series-2', true],
  ]);
});

test('layers that only observe have colours of their own', () => {
  const { data } = joined(content({ cache: [1, 2] }), content({ token_budget: [5, 0] }));
  expect(data.series.map(({ color }) => color)).toEqual(['--series-1', '--series-2']);
});

test('rows have shares of what was spent, and their sum last', () => {
  const rows = layerRows(10, answer({ cache: 1 }), answer({ token_budget: 2, cache: 0.5 }));
  expect(rows).toEqual([
    { layer: 'token_budget', savedUsd: 0, savedShare: 0, wouldUsd: 2, wouldShare: 0.2 },
    { layer: 'cache', savedUsd: 1, savedShare: 0.1, wouldUsd: 0.5, wouldShare: 0.05 },
    { layer: ALL_LAYERS, savedUsd: 1, savedShare: 0.1, wouldUsd: 2.5, wouldShare: 0.25 },
  ]);
  expect(layerRows(0, answer({ cache: 1 }), answer({}))[0]?.savedShare).toBeNull();
  expect(layerRows(1, answer({}), answer({}))).toEqual([]);
});

test('links lead to the calls of a layer', () => {
  const of = (layer: string, isHypothetical: boolean) =>
    layerHref(INTERVAL, NO_FILTERS, { layer, isHypothetical });
  expect(of('cache', false)).toContain('/traces?');
  expect(of('cache', true)).toContain("decision.policy = 'cache'");
  expect(of('token_budget', true)).toMatch(/ starts_with\(decision.action, 'would_'\)/);
  expect(of('token_budget', false)).toContain("NOT starts_with(decision.action, 'would_')");
  const series = { key: 'token_budget, would be', label: '', color: '', values: [], isHypothetical: true };
  expect(seriesHref(INTERVAL, NO_FILTERS, series)).toBe(of('token_budget', true));
});

test('the filters of the page narrow the calls, whatever is in their values', () => {
  const sql = savingsSql(INTERVAL, { ...NO_FILTERS, team: ["o'neill", 'b'] }, "a'b", false);
  expect(sql).toContain("team IN ('o''neill', 'b')");
  expect(sql).toContain("decision.policy = 'a''b'");
});
