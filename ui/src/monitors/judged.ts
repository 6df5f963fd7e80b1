// What a monitor saw, as a chart: values on one grid of ticks, the band where there is one, and levels as lines.

import type { Unit } from '../api/types';
import type { Band, ChartData, Level, Value } from '../chart/table';
import { SERIES_MAX } from '../question/charts';
import { MINUTE_MS } from '../time/range';
import type { JudgedSeries, State } from './requests';
import { groupLabel } from './states';

/** Where warnings and alerts start. */
export interface Levels {
  warning: number | null;
  critical: number | null;
  judges_the_unusual: boolean;
}

/** The levels that belong into a chart of values; an anomaly's are about shares of points. */
export function levelLines({ warning, critical, judges_the_unusual }: Levels): Level[] {
  if (judges_the_unusual) return [];
  const lines: Level[] = [];
  if (warning !== null) lines.push({ value: warning, label: 'warning', color: '--warn' });
  if (critical !== null) lines.push({ value: critical, label: 'alert', color: '--bad' });
  return lines;
}

/** The distance of ticks: the least that occurs, in whole minutes. */
export function tickStep(series: readonly JudgedSeries[]): number {
  let step = Infinity;
  for (const { at_ms } of series) {
    for (let i = 1; i < at_ms.length; i += 1) step = Math.min(step, (at_ms[i] ?? 0) - (at_ms[i - 1] ?? 0));
  }
  return Number.isFinite(step) ? Math.max(MINUTE_MS, step) : MINUTE_MS;
}

/** The chart of the groups that can be told apart by colour; a band is drawn where there is one group. */
export function judgedChart(series: readonly JudgedSeries[], unit: Unit, levels: Levels): ChartData {
  const stepMs = tickStep(series);
  const all = series.flatMap(({ at_ms }) => [at_ms[0] ?? Infinity, at_ms.at(-1) ?? -Infinity]);
  const first = Math.min(...all);
  const last = Math.max(...all);
  const count = Number.isFinite(first) ? Math.round((last - first) / stepMs) + 1 : 0;
  const timesMs = Array.from({ length: count }, (_, i) => first + i * stepMs);
  const place = (one: JudgedSeries, column: readonly Value[] | null): Value[] => {
    const values = new Array<Value>(count).fill(null);
    one.at_ms.forEach((atMs, i) => {
      values[Math.round((atMs - first) / stepMs)] = column?.[i] ?? null;
    });
    return values;
  };
  const drawn = series.slice(0, SERIES_MAX);
  const only = drawn.length === 1 ? drawn[0] : undefined;
  const hasBand = only !== undefined && (only.lower !== null || only.upper !== null);
  const band: Band | undefined = hasBand
    ? {
        lower: place(only, only.lower),
        upper: place(only, only.upper),
        baseline: place(only, only.baseline),
      }
    : undefined;
  return {
    timesMs,
    stepMs,
    unit,
    series: drawn.map((one, i) => ({
      key: one.group,
      label: groupLabel(one, drawn.length > 1),
      color: `--series-${i + 1}`,
      values: place(one, one.values),
    })),
    levels: levelLines(levels),
    ...(band && { band }),
  };
}

/** A time in which a group was in one state. */
export interface Stretch {
  state: State;
  fromMs: number;
  toMs: number;
}

/** The states of a group as stretches; a tick says how it was since the tick before. */
export function stretches({ at_ms, states }: JudgedSeries, stepMs: number): Stretch[] {
  const found: Stretch[] = [];
  at_ms.forEach((toMs, i) => {
    const state = states[i] ?? 'ok';
    const last = found.at(-1);
    const fromMs = toMs - stepMs;
    if (last && last.state === state && fromMs <= last.toMs + stepMs / 2) last.toMs = toMs;
    else found.push({ state, fromMs: Math.max(fromMs, last?.toMs ?? fromMs), toMs });
  });
  return found;
}

/** How much of the time that was judged a group was not well. */
export function notWell(all: readonly Stretch[]): number {
  const length = (some: readonly Stretch[]) => some.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  const whole = length(all);
  return whole === 0 ? 0 : length(all.filter(({ state }) => state !== 'ok')) / whole;
}
