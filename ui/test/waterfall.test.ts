import { describe, expect, it } from 'vitest';
import { niceTicks } from '../src/cost/axis';
import { extent, signed, steps } from '../src/cost/waterfall';

const change = {
  interval: { fromMs: 0, toMs: 1 },
  knownSinceMs: undefined,
  beforeUsd: 10,
  afterUsd: 9,
  changeUsd: -1,
  parts: [
    { key: 'volume', usd: 4 },
    { key: 'price', usd: -5 },
  ],
  by: [],
};

describe('the parts of a change', () => {
  it('lead from the amount before to the amount after', () => {
    expect(steps(change).map(({ name, fromUsd, toUsd }) => [name, fromUsd, toUsd])).toEqual([
      ['Before', 0, 10],
      ['Volume', 10, 14],
      ['Price', 14, 9],
      ['After', 0, 9],
    ]);
  });

  it('share a scale that holds all of them', () => {
    expect(extent(steps(change))).toEqual({ lowUsd: 0, highUsd: 14 });
  });

  it('of nothing still have a scale', () => {
    const { lowUsd, highUsd } = extent(steps({ ...change, beforeUsd: 0, afterUsd: 0, parts: [] }));
    expect(highUsd).toBeGreaterThan(lowUsd);
  });

  it('say their sign', () => {
    const plain = (usd: number) => `$${usd}`;
    expect([signed(2, plain), signed(-2, plain), signed(0, plain)]).toEqual(['+$2', '−$2', '±$0']);
  });
});

it('ticks are round and reach the top', () => {
  expect(niceTicks(10, 4)).toEqual([0, 5, 10]);
  expect(niceTicks(0.9, 4).map((tick) => tick.toFixed(1))).toEqual(['0.0', '0.5']);
  expect(niceTicks(1, 4)).toEqual([0, 0.5, 1]);
});
