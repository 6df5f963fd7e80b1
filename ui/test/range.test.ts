// Time ranges: what people write, what it means, and how it is named. Runs in Europe/Berlin (see package.json).

import { describe, expect, it } from 'vitest';
import {
  before,
  brushed,
  durationName,
  isCovered,
  isLive,
  parseInstant,
  parseRange,
  rangeName,
  resolve,
  shifted,
  stepFor,
  stepName,
  widened,
} from '../src/time/range';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-06-15T12:00:00Z');

function range(from: string, to: string) {
  const parsed = parseRange(from, to, NOW);
  if (!parsed) throw new Error(`${from} to ${to} is no range`);
  return parsed;
}

describe('an instant', () => {
  it('may be the present or a time before it', () => {
    expect(parseInstant('now')).toEqual({ kind: 'ago', agoMs: 0, text: 'now' });
    expect(parseInstant(' now - 90m ')).toEqual({ kind: 'ago', agoMs: 90 * MINUTE, text: 'now-90m' });
    expect(parseInstant('now-2w')).toEqual({ kind: 'ago', agoMs: 14 * DAY, text: 'now-2w' });
  });

  it('may be fixed, and is local where no zone is given', () => {
    expect(parseInstant('1781524800000')).toEqual({ kind: 'fixed', atMs: 1781524800000 });
    expect(parseInstant('2026-06-15T12:00:00Z')).toEqual({ kind: 'fixed', atMs: NOW });
    expect(parseInstant('2026-06-15 14:00')).toEqual({ kind: 'fixed', atMs: NOW });
    expect(parseInstant('2026-06-15')).toEqual({ kind: 'fixed', atMs: NOW - 14 * HOUR });
    expect(parseInstant('2026-06-15T13:00:00+01:00')).toEqual({ kind: 'fixed', atMs: NOW });
  });

  it.each([
    '',
    'yesterday',
    'now-',
    'now-1y',
    'now+1h',
    '12',
    '2026-13-01',
    '2026-06-15T25:00',
    '15/06/2026',
  ])('is not %j', (text) => expect(parseInstant(text)).toBeUndefined());
});

describe('a range', () => {
  it('is refused when it is empty, backwards or shorter than a cell', () => {
    expect(parseRange('now', 'now-1h', NOW)).toBeUndefined();
    expect(parseRange('now-30s', 'now', NOW)).toBeUndefined();
    expect(parseRange('now-1h', 'soon', NOW)).toBeUndefined();
  });

  it('moves with the present when an end is relative', () => {
    expect(isLive(range('now-1h', 'now'))).toBe(true);
    expect(isLive(range('2026-06-15T10:00Z', '2026-06-15T11:00Z'))).toBe(false);
    expect(resolve(range('now-1h', 'now'), NOW + 5)).toEqual({ fromMs: NOW - HOUR + 5, toMs: NOW + 5 });
  });

  it('has a name', () => {
    expect(rangeName(range('now-1h', 'now'), NOW)).toBe('Last hour');
    expect(rangeName(range('now-90m', 'now'), NOW)).toBe('Last 90 minutes');
    expect(rangeName(range('2026-06-15T10:00Z', '2026-06-15T11:30Z'), NOW)).toMatch(
      /Jun 15, 12:00\s–\s13:30/,
    );
  });

  it('is compared with as much time just before', () => {
    expect(before({ fromMs: 100, toMs: 150 })).toEqual({ fromMs: 50, toMs: 100 });
  });

  it('is moved and widened, but not past the present', () => {
    expect(shifted({ fromMs: 100, toMs: 200 }, -0.5)).toEqual({ fromMs: 50, toMs: 150 });
    expect(widened({ fromMs: 100, toMs: 200 }, 1_000)).toEqual({ fromMs: 50, toMs: 250 });
    expect(widened({ fromMs: 100, toMs: 200 }, 200)).toEqual({ fromMs: 0, toMs: 200 });
  });

  it('that was brushed covers whole minutes, in either direction', () => {
    const expected = { fromMs: NOW, toMs: NOW + 2 * MINUTE };
    expect(brushed(NOW + 10, NOW + MINUTE + 1)).toEqual(expected);
    expect(brushed(NOW + MINUTE + 1, NOW + 10)).toEqual(expected);
    expect(brushed(NOW, NOW)).toEqual({ fromMs: NOW, toMs: NOW + MINUTE });
  });
});

describe('an interval', () => {
  it('is covered when a call is known from before it began', () => {
    const interval = { fromMs: NOW, toMs: NOW + HOUR };
    expect(isCovered(interval, NOW - 1)).toBe(true);
    expect(isCovered(interval, NOW)).toBe(true);
    expect(isCovered(interval, NOW + 1)).toBe(false);
    expect(isCovered(interval, null)).toBe(false);
  });
});

describe('a bucket', () => {
  it.each([
    [15 * MINUTE, MINUTE],
    [HOUR, MINUTE],
    [6 * HOUR, 5 * MINUTE],
    [DAY, 15 * MINUTE],
    [7 * DAY, 2 * HOUR],
    [30 * DAY, 6 * HOUR],
    [365 * DAY, 4 * DAY],
  ])('of a range of %d ms is %d ms long', (length, step) => {
    expect(stepFor({ fromMs: 0, toMs: length })).toBe(step);
    expect(length / step).toBeLessThanOrEqual(120);
    expect(step % MINUTE).toBe(0);
  });

  it('has a name', () => {
    expect(stepName(MINUTE)).toBe('minute');
    expect(stepName(15 * MINUTE)).toBe('15 minutes');
    expect(durationName(DAY)).toBe('1 day');
    expect(durationName(36 * HOUR)).toBe('36 hours');
  });
});
