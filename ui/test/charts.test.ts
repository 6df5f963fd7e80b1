// Charts from answers, with the network's answers made up.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seriesAt } from '../src/chart/table';
import { NO_FILTERS } from '../src/query/expression';
import { asStack, groupLines, lines, stack } from '../src/question/charts';
import { breakdown } from '../src/question/numbers';
import type { Subject } from '../src/question/subject.svelte';
import { earlierName, earlierThan } from '../src/time/range';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const interval = { fromMs: 100 * HOUR_MS, toMs: 101 * HOUR_MS };
const subject: Subject = {
  interval,
  stepMs: 30 * MINUTE_MS,
  filters: NO_FILTERS,
  nowMs: interval.toMs,
  sinceMs: 0,
  earlier: earlierThan(interval, 'previous'),
  isCompared: true,
};
const { signal } = new AbortController();

type Answering = (expr: string, fromMs: number, path: string) => unknown;
let answering: Answering = () => ({});
let asked: string[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', (address: string) => {
    const url = new URL(address, 'http://weir');
    const expr = url.searchParams.get('expr') ?? '';
    asked.push(expr);
    const body = answering(expr, Number(url.searchParams.get('from')), url.pathname);
    return Promise.resolve(
      new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } }),
    );
  });
});
afterEach(() => vi.unstubAllGlobals());

const series = (tags: Record<string, string | null>, points: [number, number | null][]) => ({ tags, points });

describe('the time before', () => {
  it('lies on the same places as the range', async () => {
    answering = (_, fromMs) => ({
      series: [series({}, [[fromMs, fromMs === interval.fromMs ? 5 : 3]])],
      unit: 'count',
      notes: [],
    });
    const line = { expression: 'sum(x)', label: 'x', color: '--series-1' };
    const { data } = await lines([line], 'zero', subject, signal);
    expect(data.series[0]).toMatchObject({ values: [5, 0], earlier: [3, 0] });
  });

  it('is not asked for when Weir does not know all of it, or nobody compares', async () => {
    answering = () => ({ series: [], unit: 'count', notes: [] });
    const line = { expression: 'sum(x)', label: 'x', color: '--series-1' };
    await lines([line], 'zero', { ...subject, sinceMs: interval.fromMs - 1 }, signal);
    await lines([line], 'zero', { ...subject, isCompared: false }, signal);
    expect(asked).toHaveLength(2);
  });

  it('of many groups is not drawn', async () => {
    answering = (_, fromMs) => ({
      series: Array.from({ length: 5 }, (__, i) => series({ model: `m${i}` }, [[fromMs, i]])),
      unit: 'ms',
      notes: [],
    });
    const { data } = await groupLines('p95(x) by model', 'unknown', subject, signal);
    expect(data.series.map(({ earlier }) => earlier)).toEqual(new Array(5).fill(undefined));
  });

  it('a week ago is a week ago, whatever the range', () => {
    expect(earlierThan(interval, 'week').toMs).toBe(interval.toMs - 7 * 24 * HOUR_MS);
    expect(earlierName(interval, 'week')).toBe('week before');
    expect(earlierName(interval, 'previous')).toBe('prev. hour');
  });
});

describe('a stack', () => {
  it('names what its layers leave of the whole, and compares the whole', async () => {
    answering = (expr, fromMs) => ({
      series: [series(expr.includes('by') ? { model: 'a' } : {}, [[fromMs, expr.includes('by') ? 4 : 10]])],
      unit: 'usd',
      notes: [],
    });
    const { data } = await stack({ whole: 'sum(x)', groups: 'sum(x) by model', count: 1 }, subject, signal);
    expect(data.series.map(({ key, values }) => [key, values])).toEqual([
      ['a', [4, 0]],
      ['others', [6, 0]],
    ]);
    expect(data.earlierTotal).toEqual([10, 0]);
  });

  it('of lines adds up the time before', () => {
    const part = (key: string, value: number) => ({
      key,
      label: key,
      color: '',
      values: [value],
      earlier: [value * 2],
    });
    const data = { timesMs: [0], stepMs: 1, unit: 'tokens' as const, series: [part('a', 1), part('b', 2)] };
    expect(asStack({ data, notes: [] }).data.earlierTotal).toEqual([6]);
  });
});

describe('a breakdown', () => {
  it('that names every group has no row for the rest, even when a call arrives between the questions', async () => {
    answering = (expr) => ({
      values: [{ tags: expr.includes('by') ? { team: 'a' } : {}, value: expr.includes('by') ? 1 : 1.5 }],
      unit: 'usd',
      notes: [],
    });
    const { rows } = await breakdown({ whole: 'sum(x)', groups: 'sum(x) by team' }, subject, signal);
    expect(rows.map(({ name }) => name)).toEqual(['a']);
  });

  it('has shares that add up, changes, and a row for the rest', async () => {
    answering = (expr, fromMs) => {
      const isNow = fromMs === interval.fromMs;
      const value = (tags: Record<string, string | null>, amount: number) => ({ tags, value: amount });
      if (!expr.includes('by')) return { values: [value({}, isNow ? 10 : 8)], unit: 'usd', notes: [] };
      const values = [value({ team: 'a' }, isNow ? 6 : 5), value({ team: null }, isNow ? 3 : 1)];
      return { values, unit: 'usd', notes: [] };
    };
    const { rows, total } = await breakdown(
      { whole: 'sum(x)', groups: 'sum(x) by team', count: 2 },
      subject,
      signal,
    );
    expect(total).toBe(10);
    expect(
      rows.map(({ name, value, amount, share, earlier }) => [name, value, amount, share, earlier]),
    ).toEqual([
      ['a', 'a', 6, 0.6, 5],
      ['none', null, 3, 0.3, 1],
      ['others', undefined, 1, 0.1, 2],
    ]);
  });
});

describe('a click on a chart', () => {
  const layer = (key: string, value: number | null) => ({ key, label: key, color: '', values: [value] });
  const data = {
    timesMs: [0],
    stepMs: 1,
    unit: 'count' as const,
    series: [layer('a', 2), layer('b', null), layer('c', 5)],
  };
  const at = (value: number, isStack: boolean, hidden = new Set<string>()) =>
    seriesAt(data, hidden, { index: 0, value, isStack })?.key;

  it('means the layer that covers the place', () => {
    expect([at(1, true), at(3, true), at(8, true)]).toEqual(['a', 'c', undefined]);
  });

  it('means the nearest line', () => {
    expect([at(3, false), at(4, false), at(100, false)]).toEqual(['a', 'c', 'c']);
  });

  it('never means what is hidden', () => {
    expect(at(1, true, new Set(['a']))).toBe('c');
  });
});
