import { describe, expect, it } from 'vitest';
import { availabilityText, stripOf } from '../src/health/availability';

describe('availability', () => {
  it.each([
    [1, '100%'],
    [0.99999, '99.999%'],
    [0.9999999, '99.999%'],
    [0.9986, '99.86%'],
    [0.9, '90.0%'],
    [0, '0.0%'],
    [null, '–'],
  ])('%s reads %s', (value, text) => {
    expect(availabilityText(value)).toBe(text);
  });

  it('is never 100 % when one call failed', () => {
    expect(availabilityText(1 - 1e-12)).not.toBe('100%');
  });
});

describe('a strip', () => {
  it('joins buckets and keeps the worst of each', () => {
    const values = Array.from({ length: 96 }, (_, i) => (i === 3 ? 0.2 : 1));
    const times = values.map((_, i) => i * 1_000);
    const cells = stripOf(values, times, 1_000);
    expect(cells).toHaveLength(48);
    expect(cells[1]).toEqual({ startMs: 2_000, lengthMs: 2_000, value: 0.2 });
    expect(cells[2]?.value).toBe(1);
  });

  it('has no value where there was no call', () => {
    expect(stripOf([null, null], [0, 1], 1)).toEqual([
      { startMs: 0, lengthMs: 1, value: null },
      { startMs: 1, lengthMs: 1, value: null },
    ]);
  });
});
