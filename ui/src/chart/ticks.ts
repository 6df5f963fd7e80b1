// The labels of axes: one unit for all labels of an axis, no more digits than tell them apart, times in the
// viewer's zone and locale.

import type { Unit } from '../api/types';
import { MINUTE_MS } from '../time/range';

const DAY_MS = 24 * 60 * MINUTE_MS;

/** A label with more digits than this would not fit, and a millionth of a cent is small enough. */
const DECIMALS_MAX = 8;

/** The least top of an axis, so that a chart of zeros is not all noise. */
const TOP_MIN: Readonly<Record<Unit, number>> = {
  count: 1,
  none: 1,
  ratio: 0.01,
  percent: 1,
  ms: 1,
  tokens: 10,
  usd: 0.000_001,
  per_second: 0.01,
};

/** The labels of a value axis. */
export function valueTicks(ticks: readonly number[], unit: Unit): string[] {
  const step = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0));
  const max = Math.max(...ticks.map(Math.abs), 0);
  switch (unit) {
    case 'ms':
      return max >= 60_000
        ? fixed(ticks, 1 / 60_000, step, ' min')
        : max >= 1_000
          ? fixed(ticks, 1 / 1_000, step, ' s')
          : fixed(ticks, 1, step, ' ms');
    case 'ratio':
      return fixed(ticks, 100, step, '%');
    case 'percent':
      return fixed(ticks, 1, step, '%');
    case 'per_second':
      return max < 1 ? fixed(ticks, 60, step, '/min') : fixed(ticks, 1, step, '/s');
    case 'usd':
      return ticks.map((tick) => dollarTick(tick, step));
    case 'count':
    case 'none':
    case 'tokens':
      return ticks.map((tick) => shortTick(tick, step));
  }
}

/** The top of a value axis: a little over the greatest value. */
export function axisTop(max: number | null, unit: Unit): number {
  return Math.max((max ?? 0) * 1.08, TOP_MIN[unit]);
}

/** The distances that ticks may have, where not all round numbers do: things are whole, times have clock units. */
export function tickSteps(unit: Unit): number[] | undefined {
  if (unit === 'ms')
    return [...decades(-3, 4), 15_000, 20_000, 30_000, ...decades(0, 5).map((step) => step * MINUTE_MS)];
  return unit === 'count' || unit === 'tokens' ? decades(0, 15) : undefined;
}

/** 1, 2 and 5 times powers of ten, smallest first. */
function decades(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) =>
    [1, 2, 5].map((factor) => factor * 10 ** (from + i)),
  ).flat();
}

/** The labels of a time axis whose ticks are `stepMs` apart. Midnights show their date. */
export function timeTicks(ticksMs: readonly number[], stepMs: number): string[] {
  const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return ticksMs.map((atMs) => {
    const at = new Date(atMs);
    const midnight = at.getHours() === 0 && at.getMinutes() === 0;
    return stepMs >= DAY_MS || midnight ? day.format(at) : clock.format(at);
  });
}

/** A bucket's time for a tooltip: its start and end, with the date where the chart spans more than a day. */
export function bucketName(startMs: number, stepMs: number, spanMs: number): string {
  const date: Intl.DateTimeFormatOptions =
    spanMs > DAY_MS ? { weekday: 'short', month: 'short', day: 'numeric' } : {};
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const format = new Intl.DateTimeFormat(undefined, stepMs >= DAY_MS ? date : { ...date, ...time });
  return stepMs <= MINUTE_MS || stepMs >= DAY_MS
    ? format.format(startMs)
    : format.formatRange(startMs, startMs + stepMs);
}

function fixed(ticks: readonly number[], factor: number, step: number, suffix: string): string[] {
  const decimals = decimalsFor(step * factor);
  const format = new Intl.NumberFormat(undefined, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return ticks.map((tick) => `${tick === 0 ? '0' : format.format(tick * factor)}${suffix}`);
}

function dollarTick(tick: number, step: number): string {
  if (tick === 0) return '$0';
  const decimals = decimalsFor(step);
  const options: Intl.NumberFormatOptions =
    Math.abs(tick) >= 10_000
      ? { notation: 'compact', maximumSignificantDigits: 3 }
      : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD', ...options }).format(tick);
}

function shortTick(tick: number, step: number): string {
  const options: Intl.NumberFormatOptions =
    Math.abs(tick) >= 1_000
      ? { notation: 'compact', maximumSignificantDigits: 3 }
      : { maximumFractionDigits: decimalsFor(step) };
  return new Intl.NumberFormat(undefined, options).format(tick);
}

/** How many decimals tell apart numbers that are `step` apart. */
function decimalsFor(step: number): number {
  const rounded = Number(step.toPrecision(6));
  const decimals = Array.from({ length: DECIMALS_MAX }, (_, i) => i);
  return decimals.find((count) => Number(rounded.toFixed(count)) === rounded) ?? DECIMALS_MAX;
}
