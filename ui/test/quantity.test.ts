// Numbers with units, as people read them (en-US, see package.json).

import { describe, expect, it } from 'vitest';
import type { Unit } from '../src/api/types';
import {
  change,
  changeText,
  difference,
  exactText,
  isNotable,
  quantity,
  shortMoney,
  text,
} from '../src/format/quantity';

describe('a value', () => {
  it.each<[number, Unit, string]>([
    [0, 'count', '0'],
    [999, 'count', '999'],
    [9_999, 'count', '9,999'],
    [12_345, 'count', '12.3K'],
    [4_560_000, 'tokens', '4.56M tokens'],
    [1, 'tokens', '1 token'],
    [0.042, 'ms', '0.042 ms'],
    [12.34, 'ms', '12 ms'],
    [999.4, 'ms', '999 ms'],
    [999.6, 'ms', '1.00 s'],
    [7_400, 'ms', '7.40 s'],
    [12_340, 'ms', '12.3 s'],
    [59_990, 'ms', '1:00 min'],
    [125_000, 'ms', '2:05 min'],
    [5_400_000, 'ms', '1:30 h'],
    [0, 'usd', '$0.00'],
    [0.000012, 'usd', '$0.000012'],
    [0.0345, 'usd', '$0.035'],
    [12.5, 'usd', '$12.50'],
    [123_456, 'usd', '$123K'],
    [0.0123, 'ratio', '1.2%'],
    [0.000_04, 'ratio', '0.004%'],
    [12.5, 'percent', '12.5%'],
    [2.345, 'per_second', '2.35/s'],
    [0.25, 'per_second', '15/min'],
    [0.912, 'none', '0.912'],
  ])('%d in %s is %s', (value, unit, expected) => {
    expect(text(value, unit).replaceAll('\u00a0', ' ')).toBe(expected);
  });

  it.each([null, undefined, Number.NaN, Number.POSITIVE_INFINITY])(
    'that is %s is a dash, never a zero',
    (value) => {
      expect(quantity(value, 'ms')).toEqual({ number: '–', unit: '' });
      expect(exactText(value, 'count')).toBe('–');
    },
  );

  it('keeps its digits where the exact number is asked for', () => {
    expect(exactText(1_234_567, 'tokens')).toBe('1,234,567\u00a0tokens');
  });

  it('of money says when it is too small for its column', () => {
    expect(shortMoney(0.000_012)).toBe('<$0.0001');
    expect(shortMoney(0.0001)).toBe('$0.0001');
    expect(shortMoney(0)).toBe('$0.00');
  });

  it('of money has both digits of its cents', () => {
    expect(text(0.099_6, 'usd')).toBe('$0.10');
    expect(text(0.099_4, 'usd')).toBe('$0.099');
  });
});

describe('a change', () => {
  it('of an amount is a share of the earlier amount', () => {
    expect(change(150, 100)).toBeCloseTo(0.5);
    expect(changeText(-0.123, 'usd')).toBe('12.3%');
  });

  it('of many times is told as a factor', () => {
    expect(changeText(343.81, 'usd')).toBe('345×');
    expect(changeText(-0.99, 'usd')).toBe('99.0%');
  });

  it('is worth a colour from a twentieth, and for shares from a tenth of a point', () => {
    expect(isNotable(-0.05, 'ms')).toBe(true);
    expect(isNotable(0.022, 'ms')).toBe(false);
    expect(isNotable(0.0026, 'ratio')).toBe(true);
    expect(isNotable(0.0004, 'ratio')).toBe(false);
  });

  it('of a share is told in points', () => {
    const changed = difference({ current: 0.031, earlier: 0.021 }, 'ratio') ?? 0;
    expect(changed).toBeCloseTo(0.01);
    expect(changeText(changed, 'ratio')).toBe('1 point');
    expect(changeText(-0.0234, 'ratio')).toBe('2.3 points');
  });

  it('needs something to compare with', () => {
    expect(change(5, 0)).toBeUndefined();
    expect(change(null, 5)).toBeUndefined();
    expect(difference({ current: 0.1, earlier: null }, 'ratio')).toBeUndefined();
  });
});
