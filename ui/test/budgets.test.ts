// What the screen of budgets says, from what the API says.

import { expect, test } from 'vitest';
import { amount, bar, barText, plan, consequence, tone, type Budget } from '../src/budgets/budgets';

const budget = (change: Partial<Budget> = {}): Budget => ({
  name: 'payments',
  kind: 'budget',
  scope: 'team:payments',
  values: '',
  measure: 'usd',
  period: 'day',
  timezone: 'UTC',
  from_ms: 0,
  to_ms: 86_400_000,
  amount: 200,
  limit: 300,
  settled: 100,
  reserved: 10,
  others: 20,
  used: 0.6,
  warn_at: [0.8, 1],
  mode: 'enforce',
  on_shutoff: 'reject',
  cheaper_model: null,
  is_exhausted: false,
  defined_in: 'weir.toml',
  outlook: { projected: 400, low: 350, high: 450, exhausted_at_ms: 1, periods: 8 },
  entry: null,
  ...change,
});

test('amounts are in the words of their measure', () => {
  expect(plan(budget())).toBe('$200.00 a day');
  expect(amount(budget({ measure: 'tokens' }), 1_200)).toMatch(/tokens$/);
  expect(plan(budget({ measure: 'requests', period: 'minute', amount: 1 }))).toBe('1 call a minute');
});

test('the bar is as long as what is projected, when that is more than the limit', () => {
  expect(bar(budget())).toEqual({ used: 0.3, reserved: 0.025, plan: 0.5, limit: 0.75, projected: 1 });
  expect(bar(budget({ outlook: null })).limit).toBe(1);
  expect(barText(budget())).toBe('$120.00 of $200.00 used, 60%; $10.00 reserved');
});

test('what deserves to be seen is marked', () => {
  expect(tone(budget())).toBeUndefined();
  expect(tone(budget({ used: 0.8 }))).toBe('warn');
  expect(tone(budget({ is_exhausted: true }))).toBe('bad');
  expect(consequence(budget({ mode: 'warn' }))).toBe('only told: calls are refused');
  expect(consequence(budget({ on_shutoff: 'cheaper_model', cheaper_model: 'gpt-4o-mini' }))).toBe(
    'calls go to gpt-4o-mini',
  );
});
