// The numbers behind a chart: answers of the API put on one grid of times, ready to be drawn, stacked or read out.

import type { Answer, Series } from '../api/types';
import type { Unit } from '../api/types';
import { text } from '../format/quantity';
import type { Interval } from '../time/range';

/** A value of one bucket; null where there is none. */
export type Value = number | null;

/** One line, or one layer of a stack. */
export interface ChartSeries {
  /** Stays the same from refresh to refresh. */
  key: string;
  label: string;
  /** The design token with its colour: `--series-1`. */
  color: string;
  /** One value for each time of the chart. */
  values: Value[];
  /** The same at the time that the page compares with; drawn dashed. */
  earlier?: Value[];
  /** What did not happen and would have; drawn hatched, so that nobody takes it for what did. */
  isHypothetical?: boolean;
}

/** The mark of a series beside its name, as a CSS background. */
export function mark({ color, isHypothetical }: Pick<ChartSeries, 'color' | 'isHypothetical'>): string {
  const ink = `var(${color})`;
  if (isHypothetical !== true) return ink;
  return `repeating-linear-gradient(135deg, ${ink} 0 1.5px, transparent 1.5px 3.5px) border-box, color-mix(in srgb, ${ink} 22%, transparent)`;
}

/** A value that a monitor compares with: a line across the chart. */
export interface Level {
  value: number;
  /** What begins there: `alert`. */
  label: string;
  /** The design token with its colour. */
  color: string;
}

/** What was expected of a chart's only line: one value for each time. */
export interface Band {
  lower: Value[];
  upper: Value[];
  baseline: Value[];
}

/** Series on a common grid of buckets. */
export interface ChartData {
  /** The starts of the buckets. */
  timesMs: number[];
  stepMs: number;
  unit: Unit;
  series: ChartSeries[];
  /** What a stack added up to at the time that the page compares with; drawn dashed. */
  earlierTotal?: Value[];
  /** Lines across the chart; those far above all values are named in the legend and not drawn. */
  levels?: readonly Level[];
  /** Shaded behind the line. */
  band?: Band;
}

/** Over this many times the greatest value a level would press the line to the ground. */
const LEVEL_REACH = 3;

/** The levels that a chart has room for. */
export function levelsWithin({ series, levels = [], band }: ChartData): readonly Level[] {
  const values = [...series.flatMap((one) => one.values), ...(band?.upper ?? [])];
  const max = values.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  return max === 0 ? levels : levels.filter(({ value }) => Math.abs(value) <= max * LEVEL_REACH);
}

/** How a metric reads where nothing was measured: amounts are zero, measures are unknown. */
export type Absent = 'zero' | 'unknown';

/** The starts of the buckets that cover an interval. */
export function bucketTimes({ fromMs, toMs }: Interval, stepMs: number): number[] {
  const first = Math.floor(fromMs / stepMs) * stepMs;
  const count = Math.max(1, Math.ceil((toMs - first) / stepMs));
  return Array.from({ length: count }, (_, i) => first + i * stepMs);
}

/** The values of one series on the grid. Points off the grid fall into the bucket that they lie in. */
export function onGrid(
  series: Series | undefined,
  timesMs: readonly number[],
  stepMs: number,
  absent: Absent,
): Value[] {
  const start = timesMs[0] ?? 0;
  const values: Value[] = new Array<Value>(timesMs.length).fill(absent === 'zero' ? 0 : null);
  for (const [atMs, value] of series?.points ?? []) {
    const index = Math.floor((atMs - start) / stepMs);
    if (index >= 0 && index < values.length && value !== null) values[index] = value;
  }
  return values;
}

/** The only series of an answer without groups. */
export function single(answer: Answer): Series | undefined {
  return answer.series[0];
}

/** What a group is called; calls without the tag have a name too. */
export function groupName(tags: Series['tags']): string {
  const names = Object.values(tags).map((value) => value ?? 'none');
  return names.length === 0 ? 'all' : names.join(' · ');
}

/** The sum of the values that are there. */
export function total(values: readonly Value[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** The last value that is there. */
export function latest(values: readonly Value[]): Value {
  return values.findLast((value) => value !== null) ?? null;
}

/**
 * Amounts per bucket as amounts per second. The last bucket may not be over: it is divided by the part that was seen,
 * so that a rate does not seem to collapse at the right edge.
 */
export function perSecond(
  values: readonly Value[],
  timesMs: readonly number[],
  stepMs: number,
  seenUntilMs: number,
): Value[] {
  return values.map((value, i) => {
    // Less than a tenth of a bucket says too little: one call in it would look like a storm.
    const seenMs = Math.min(stepMs, Math.max(seenUntilMs - (timesMs[i] ?? 0), stepMs / 10));
    return value === null ? null : value / (seenMs / 1_000);
  });
}

/** Running sums over the series of each bucket, in the order of the series. Hidden ones add nothing. */
export function stacked(series: readonly ChartSeries[], hidden: ReadonlySet<string>): Value[][] {
  const sums: number[] = [];
  return series.map(({ key, values }) =>
    values.map((value, i) => {
      const sum = (sums[i] ?? 0) + (hidden.has(key) ? 0 : (value ?? 0));
      sums[i] = sum;
      return sum;
    }),
  );
}

/** Whether a chart shows the time before too. */
export function isCompared({ series, earlierTotal }: ChartData): boolean {
  return earlierTotal !== undefined || series.some(({ earlier }) => earlier !== undefined);
}

/** The series at a place of a chart: the layer of a stack that covers it, otherwise the line that is nearest. */
export function seriesAt(
  data: ChartData,
  hidden: ReadonlySet<string>,
  { index, value, isStack }: { index: number; value: number; isStack: boolean },
): ChartSeries | undefined {
  const shown = data.series.filter(({ key }) => !hidden.has(key));
  if (isStack) {
    let top = 0;
    return shown.find((series) => {
      top += series.values[index] ?? 0;
      return (series.values[index] ?? 0) > 0 && value <= top;
    });
  }
  const distance = (series: ChartSeries) => Math.abs((series.values[index] ?? Infinity) - value);
  return shown.reduce<ChartSeries | undefined>(
    (best, series) => (distance(series) < (best === undefined ? Infinity : distance(best)) ? series : best),
    undefined,
  );
}

/** The chart in one sentence for each series, for those who do not see it. */
export function summary({ series, unit, levels = [] }: ChartData): string {
  const sentences = series.map(({ label, values }) => {
    const present = values.filter((value) => value !== null);
    if (present.length === 0) return `${label}: no values.`;
    const range = `from ${text(Math.min(...present), unit)} to ${text(Math.max(...present), unit)}`;
    return `${label}: ${range}, latest ${text(latest(values), unit)}.`;
  });
  const lines = levels.map(({ label, value }) => `Level of ${label}: ${text(value, unit)}.`);
  return [...sentences, ...lines].join(' ').replaceAll('\u00a0', ' ');
}
