// What the screen of the cache says, from what the API says.

import { expect, test } from 'vitest';
import type { InstantAnswer } from '../src/api/types';
import { merged } from '../src/cache/questions';
import { isBeyond, scopeName, standing, type Scope, type Semantic } from '../src/cache/semantic';
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

const scope: Scope = {
  team: 'payments',
  agent: null,
  provider: 'openai',
  model: 'gpt-4o',
  threshold: 0.93,
  is_fixed: false,
  hits: 10,
  would_hit: 4,
  checks: 100,
  false_hits: 1,
  false_hit_rate: 0.01,
  false_hit_rate_bound: 0.047,
};
const semantic: Semantic = {
  is_enforcing: true,
  embedding_model: 'text-embedding-3-small',
  entries: 3,
  bytes: 4_608,
  hits: 10,
  would_hit: 4,
  guarded: 0,
  unasked: 0,
  checks: 100,
  false_hits: 1,
  false_hits_max: 0.05,
  saved_usd: 0.1,
  scopes: [scope],
  scope_count: 1,
};

test('a scope answers once it has a threshold, and where it may', () => {
  expect(scopeName(scope)).toBe('payments, openai/gpt-4o');
  expect(standing(scope, semantic).name).toBe('answers');
  expect(standing(scope, { ...semantic, is_enforcing: false }).name).toBe('observes');
  expect(standing({ ...scope, threshold: null }, semantic).name).toBe('measures');
});

test('a scope is marked by what its false hits may be, not by what they happened to be', () => {
  expect(isBeyond(scope, semantic)).toBe(false);
  expect(isBeyond({ ...scope, false_hit_rate_bound: 0.06 }, semantic)).toBe(true);
  expect(isBeyond({ ...scope, threshold: null, false_hit_rate_bound: 0.5 }, semantic)).toBe(false);
});
