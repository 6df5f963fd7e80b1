// What the screen of the cache says, from what the API says.

import { expect, test } from 'vitest';
import type { InstantAnswer } from '../src/api/types';
import { merged } from '../src/cache/questions';
import { bytes } from '../src/format/quantity';

const answer = (values: Record<string, number | null>, tag = 'team'): InstantAnswer => ({
  unit: 'usd',
  notes: [],
  values: Object.entries(values).map(([name, value]) => ({
    tags: { [tag]: name === 'none' ? null : name },
    value,
  })),
});

test('each group has one row, those with the most hits first', () => {
  const rows = merged(
    answer({ a: 1, b: 5, none: null }),
    answer({ a: 9, c: 4, none: 2 }),
    answer({ b: 0.5, c: 0 }),
  );
  expect(rows).toEqual([
    { name: 'b', value: 'b', hits: 5, looked: 5, savedUsd: 0.5 },
    { name: 'a', value: 'a', hits: 1, looked: 10, savedUsd: 0 },
    { name: 'c', value: 'c', hits: 0, looked: 4, savedUsd: 0 },
    { name: 'none', value: null, hits: 0, looked: 2, savedUsd: 0 },
  ]);
});

test('a group that was never looked up is no row', () => {
  expect(merged(answer({}), answer({}), answer({ a: 1 }))).toEqual([]);
});

test('memory is told in powers of 1024', () => {
  expect(bytes(0)).toBe('0\u00a0B');
  expect(bytes(1_023)).toBe('1,020\u00a0B');
  expect(bytes(268_435_456)).toBe('256\u00a0MiB');
  expect(bytes(2 ** 60)).toBe('1,050,000\u00a0TiB');
});
