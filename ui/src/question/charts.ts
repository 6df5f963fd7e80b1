// From questions to charts: asks expressions over time and lays the answers on the page's grid of buckets.
// Every number drawn is an answer of /api/query; nothing is computed here but units of time and "all others".

import { query } from '../api/client';
import type { Answer } from '../api/types';
import {
  bucketTimes,
  groupName,
  onGrid,
  perSecond,
  single,
  total,
  type Absent,
  type ChartData,
  type ChartSeries,
  type Value,
} from '../chart/table';
import { top } from '../query/expression';
import { isCovered, MINUTE_MS } from '../time/range';
import type { Subject } from './subject.svelte';

/** What a panel shows when its answer arrived. */
export interface PanelContent {
  data: ChartData;
  /** What the viewer must know about the numbers: cut groups, missing prices. */
  notes: readonly string[];
}

/** More series than this cannot be told apart by colour. */
export const SERIES_MAX = 8;

/** The groups that `top` left out. */
export const OTHERS = 'others';

/** One line of a chart of few, named lines. */
export interface Line {
  expression: string;
  label: string;
  color: string;
}

/** A few lines, each an expression without groups. */
export async function lines(
  wanted: readonly Line[],
  absent: Absent,
  subject: Subject,
  signal: AbortSignal,
): Promise<PanelContent> {
  const answers = await Promise.all(wanted.map(({ expression }) => askBoth(expression, subject, signal)));
  const timesMs = gridOf(subject);
  const series = wanted.map(({ label, color }, i): ChartSeries => {
    const { now, before } = answers[i] as Both;
    return {
      key: label,
      label,
      color,
      values: onGrid(single(now), timesMs, subject.stepMs, absent),
      ...(before && { earlier: earlierOnGrid(before, timesMs, subject, absent) }),
    };
  });
  const unit = answers[0]?.now.unit ?? 'none';
  return { data: { timesMs, stepMs: subject.stepMs, unit, series }, notes: notesOf(answers) };
}

/** The shape behind a number: its expression over time, without comparison. */
export async function shape(expression: string, subject: Subject, signal: AbortSignal): Promise<Value[]> {
  const line = { expression, label: '', color: '' };
  const { data } = await lines([line], 'unknown', { ...subject, isCompared: false }, signal);
  return data.series[0]?.values ?? [];
}

/** The percentiles of a duration. */
export function percentiles(
  expression: (func: string) => string,
  subject: Subject,
  signal: AbortSignal,
): Promise<PanelContent> {
  const wanted = [
    { label: 'p50', color: '--series-low' },
    { label: 'p95', color: '--series-middle' },
    { label: 'p99', color: '--series-high' },
  ];
  const all = wanted.map((line) => ({ ...line, expression: expression(line.label) }));
  return lines(all, 'unknown', subject, signal);
}

/** With more groups than this, each a second time and dashed, nobody would find anything. */
const COMPARED_GROUPS_MAX = 4;

/** One line for each group of an expression, in its order. */
export async function groupLines(
  expression: string,
  absent: Absent,
  subject: Subject,
  signal: AbortSignal,
): Promise<PanelContent> {
  const both = await askBoth(expression, subject, signal);
  const timesMs = gridOf(subject);
  const isComparable = both.now.series.length <= COMPARED_GROUPS_MAX;
  const series = both.now.series.slice(0, SERIES_MAX).map((one, i): ChartSeries => {
    const name = groupName(one.tags);
    const before = isComparable &&
      both.before && {
        ...both.before,
        series: both.before.series.filter(({ tags }) => groupName(tags) === name),
      };
    return {
      key: name,
      label: name,
      color: `--series-${i + 1}`,
      values: onGrid(one, timesMs, subject.stepMs, absent),
      ...(before && { earlier: earlierOnGrid(before, timesMs, subject, absent) }),
    };
  });
  const left = both.now.series.length - series.length;
  const notes = left > 0 ? [`${left} more groups are not drawn`] : [];
  const data: ChartData = { timesMs, stepMs: subject.stepMs, unit: both.now.unit, series };
  return { data, notes: [...notesOf([both]), ...notes] };
}

/** An amount, and the same by a tag. */
export interface Parts {
  whole: string;
  groups: string;
  /** How many groups are named, the greatest first; what they leave is one more. */
  count?: number;
}

/** Groups as layers, and what they leave of the whole as a layer of its own. */
export async function stack(
  { whole, groups, count = SERIES_MAX }: Parts,
  subject: Subject,
  signal: AbortSignal,
): Promise<PanelContent> {
  const [all, grouped] = await Promise.all([
    askBoth(whole, subject, signal),
    query(top(count, groups), subject.interval, subject.stepMs, signal),
  ]);
  const timesMs = gridOf(subject);
  const layers: ChartSeries[] = grouped.series.map((series, i) => ({
    key: groupName(series.tags),
    label: groupName(series.tags),
    color: `--series-${i + 1}`,
    values: onGrid(series, timesMs, subject.stepMs, 'zero'),
  }));
  const rest = onGrid(single(all.now), timesMs, subject.stepMs, 'zero').map((value, i) => {
    const left = (value ?? 0) - layers.reduce((sum, { values }) => sum + (values[i] ?? 0), 0);
    return isRest(left, value ?? 0) ? left : 0;
  });
  // Where no group was left out, a difference is only a call that arrived between the two questions.
  if (layers.length === count && total(rest) > 0)
    layers.push({ key: OTHERS, label: OTHERS, color: '--series-other', values: rest });
  const data: ChartData = {
    timesMs,
    stepMs: subject.stepMs,
    unit: grouped.unit,
    series: layers,
    ...(all.before && { earlierTotal: earlierOnGrid(all.before, timesMs, subject, 'zero') }),
  };
  return { data, notes: unique([...all.now.notes, ...grouped.notes]) };
}

/** Lines that add up, as a stack: what is compared is their sum. */
export function asStack({ data, notes }: PanelContent): PanelContent {
  const parts = data.series.flatMap(({ earlier }) => (earlier ? [earlier] : []));
  if (parts.length < data.series.length) return { data, notes };
  const earlierTotal = data.timesMs.map((_, i) => parts.reduce((sum, values) => sum + (values[i] ?? 0), 0));
  const series = data.series.map(({ key, label, color, values }) => ({ key, label, color, values }));
  return { data: { ...data, series, earlierTotal }, notes };
}

/** Amounts of each bucket as amounts per second. */
export function asRate({ data, notes }: PanelContent, subject: Subject): PanelContent {
  const until = seenUntil(subject);
  const series = data.series.map((one) => ({
    ...one,
    values: perSecond(one.values, data.timesMs, data.stepMs, until),
    // The time before is over: each of its buckets is whole.
    ...(one.earlier && { earlier: perSecond(one.earlier, data.timesMs, data.stepMs, Infinity) }),
  }));
  return { data: { ...data, unit: 'per_second', series }, notes };
}

/** Whether a difference is more than what adding up in another order makes. */
export function isRest(rest: number, whole: number): boolean {
  return rest > Math.abs(whole) * 1e-9;
}

interface Both {
  now: Answer;
  /** Absent when nothing is compared, or when Weir does not know all of the time before. */
  before: Answer | undefined;
}

async function askBoth(expression: string, subject: Subject, signal: AbortSignal): Promise<Both> {
  const { interval, earlier, stepMs, isCompared, sinceMs } = subject;
  const wantsBefore = isCompared && isCovered(earlier, sinceMs);
  const [now, before] = await Promise.all([
    query(expression, interval, stepMs, signal),
    wantsBefore ? query(expression, earlier, stepMs, signal) : undefined,
  ]);
  return { now, before };
}

/** The values of the time before, moved to the same places in this range. */
function earlierOnGrid(
  answer: Answer,
  timesMs: readonly number[],
  subject: Subject,
  absent: Absent,
): Value[] {
  const byMs = subject.interval.fromMs - subject.earlier.fromMs;
  const series = single(answer);
  const points = series?.points.map(([atMs, value]): [number, number | null] => [atMs + byMs, value]);
  return onGrid(series && points && { ...series, points }, timesMs, subject.stepMs, absent);
}

/** Until when calls can be in the answer: it is made from whole minutes, the last of which may not be over. */
function seenUntil({ interval, nowMs }: Subject): number {
  return Math.min(Math.ceil(interval.toMs / MINUTE_MS) * MINUTE_MS, Math.max(nowMs, interval.toMs));
}

function gridOf({ interval, stepMs }: Subject): number[] {
  return bucketTimes(interval, stepMs);
}

function notesOf(answers: readonly Both[]): string[] {
  return unique(answers.flatMap(({ now, before }) => [...now.notes, ...(before?.notes ?? [])]));
}

function unique(notes: readonly string[]): string[] {
  return [...new Set(notes)];
}
