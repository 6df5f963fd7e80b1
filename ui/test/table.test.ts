// Answers on a grid of buckets, rates, stacks and what they read like.

import { describe, expect, it } from 'vitest';
import {
  bucketTimes,
  groupName,
  latest,
  onGrid,
  perSecond,
  stacked,
  summary,
  total,
  type ChartSeries,
} from '../src/chart/table';

const STEP = 60_000;

function layer(key: string, values: (number | null)[]): ChartSeries {
  return { key, label: key, color: '--series-1', values };
}

describe('the grid', () => {
  it('covers the interval with whole buckets', () => {
    expect(bucketTimes({ fromMs: 90_000, toMs: 240_000 }, STEP)).toEqual([60_000, 120_000, 180_000]);
    expect(bucketTimes({ fromMs: 60_000, toMs: 60_001 }, STEP)).toEqual([60_000]);
  });

  it('takes what lies on it, and says what is absent', () => {
    const series = {
      tags: {},
      points: [
        [0, 9],
        [60_000, 1],
        [180_000, null],
        [240_000, 9],
      ] as [number, number | null][],
    };
    const times = [60_000, 120_000, 180_000];
    expect(onGrid(series, times, STEP, 'zero')).toEqual([1, 0, 0]);
    expect(onGrid(series, times, STEP, 'unknown')).toEqual([1, null, null]);
    expect(onGrid(undefined, times, STEP, 'zero')).toEqual([0, 0, 0]);
  });
});

describe('a rate', () => {
  it('counts only the part of the last bucket that has passed', () => {
    expect(perSecond([60, 30], [0, 60_000], STEP, 90_000)).toEqual([1, 1]);
  });

  it('does not explode when the last bucket has just begun', () => {
    expect(perSecond([1], [0], STEP, 1)[0]).toBeCloseTo(1 / 6);
  });

  it('is unknown where the amount is', () => {
    expect(perSecond([null], [0], STEP, STEP)).toEqual([null]);
  });
});

describe('a stack', () => {
  const series = [layer('a', [1, null]), layer('b', [10, 20]), layer('c', [100, 200])];

  it('adds up from the first series on', () => {
    expect(stacked(series, new Set())).toEqual([
      [1, 0],
      [11, 20],
      [111, 220],
    ]);
  });

  it('closes up where a series is hidden', () => {
    expect(stacked(series, new Set(['b']))[2]).toEqual([101, 200]);
  });
});

describe('a series', () => {
  it('has a total and a latest value', () => {
    expect(total([1, null, 2])).toBe(3);
    expect(latest([1, 2, null])).toBe(2);
    expect(latest([null])).toBeNull();
  });

  it('is named after its tags', () => {
    expect(groupName({ model: 'gpt-4o' })).toBe('gpt-4o');
    expect(groupName({ error_type: null })).toBe('none');
    expect(groupName({})).toBe('all');
  });

  it('can be read out', () => {
    const data = {
      timesMs: [0, STEP],
      stepMs: STEP,
      unit: 'ms' as const,
      series: [layer('p95', [200, 1_500]), layer('p99', [null, null])],
    };
    expect(summary(data)).toBe('p95: from 200 ms to 1.50 s, latest 1.50 s. p99: no values.');
  });
});
