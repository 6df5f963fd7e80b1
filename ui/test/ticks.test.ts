// Labels of axes (en-US, Europe/Berlin; see package.json).

import { describe, expect, it } from 'vitest';
import type { Unit } from '../src/api/types';
import { axisTop, bucketName, tickSteps, timeTicks, valueTicks } from '../src/chart/ticks';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MIDNIGHT = Date.parse('2026-06-15T00:00:00+02:00');

describe('a value axis', () => {
  it.each<[Unit, number[], string[]]>([
    ['ms', [0, 200, 400], ['0 ms', '200 ms', '400 ms']],
    ['ms', [0, 500, 1_000], ['0 s', '0.5 s', '1.0 s']],
    ['ms', [0, 60_000], ['0 min', '1 min']],
    ['ratio', [0, 0.025, 0.05], ['0%', '2.5%', '5.0%']],
    ['usd', [0, 0.0025, 0.005], ['$0', '$0.0025', '$0.0050']],
    ['usd', [0, 10_000, 20_000], ['$0', '$10K', '$20K']],
    ['tokens', [0, 5_000, 10_000], ['0', '5K', '10K']],
    ['per_second', [0, 0.1, 0.2], ['0/min', '6/min', '12/min']],
    ['per_second', [0, 2.5, 5], ['0/s', '2.5/s', '5.0/s']],
  ])('of %s %j reads %j', (unit, ticks, expected) => {
    expect(valueTicks(ticks, unit).map((label) => label.replaceAll('\u00a0', ' '))).toEqual(expected);
  });

  it('has whole steps for things that are whole', () => {
    expect(tickSteps('count')?.every((step) => Number.isInteger(step))).toBe(true);
    expect(tickSteps('usd')).toBeUndefined();
  });

  it('has steps in rising order, as the drawing library wants them', () => {
    const steps = tickSteps('ms') ?? [];
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });

  it('reaches a little over the greatest value, and never collapses', () => {
    expect(axisTop(100, 'ms')).toBeCloseTo(108);
    expect(axisTop(0, 'count')).toBe(1);
    expect(axisTop(null, 'ratio')).toBe(0.01);
  });
});

describe('a time axis', () => {
  it('shows the date at midnight of the viewer', () => {
    expect(timeTicks([MIDNIGHT, MIDNIGHT + 6 * HOUR], 6 * HOUR)).toEqual(['Jun 15', '06:00']);
  });

  it('shows dates only when ticks are days', () => {
    expect(timeTicks([MIDNIGHT + HOUR], 24 * HOUR)).toEqual(['Jun 15']);
  });

  it('names a bucket by its start, and its end when it is long', () => {
    expect(bucketName(MIDNIGHT, MINUTE, HOUR)).toBe('00:00');
    expect(bucketName(MIDNIGHT, 5 * MINUTE, HOUR)).toMatch(/^00:00\s–\s00:05$/);
    expect(bucketName(MIDNIGHT, MINUTE, 48 * HOUR)).toBe('Mon, Jun 15, 00:00');
  });
});
