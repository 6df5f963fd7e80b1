// What the Overview asks, and how the answers become charts: one function for each panel.
// Every number on the page is an answer of /api/query; nothing is computed here but units of time and "all others".

import { instant, query } from '../api/client';
import type { Answer, InstantAnswer } from '../api/types';
import type { PanelContent } from '../chart/Panel.svelte';
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
} from '../chart/table';
import { aggregate, top, type Filters } from '../query/expression';
import { before, isCovered, MINUTE_MS, type Interval } from '../time/range';

/** What all panels are asked about. */
export interface Subject {
  interval: Interval;
  stepMs: number;
  filters: Filters;
  /** The present: buckets after it are still empty. */
  nowMs: number;
  /** When the oldest call that Weir still knows was made. */
  sinceMs: number | null;
}

/** A number over the whole range, and over the same time before. */
export interface Compared {
  current: number | null;
  earlier: number | null;
  /** Whether Weir knows all of the time before. */
  isComparable: boolean;
}

/** One row of the table of spend. */
export interface SpendRow {
  model: string;
  usd: number;
  /** Of all spend in the range. */
  share: number;
  /** Over the same time before; undefined where Weir does not know all of it. */
  earlierUsd: number | undefined;
}

/** What was spent on whom. */
export interface Spend {
  rows: SpendRow[];
  totalUsd: number;
}

/** More models than this cannot be told apart by colour. */
const MODELS_MAX = 8;
const CAUSES_MAX = 5;

/** The groups that `top` left out. */
export const OTHERS = 'others';

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  requests: (filters: Filters) => aggregate('sum', 'llm.request.count', filters),
  errorRate: (filters: Filters) => aggregate('rate', 'llm.request.error', filters),
  latency: (filters: Filters) => aggregate('p95', 'llm.request.duration', filters),
  tokens: (filters: Filters) => aggregate('sum', 'llm.tokens.total', filters),
  spend: (filters: Filters) => aggregate('sum', 'llm.cost.usd', filters),
} as const;

export type TotalName = keyof typeof TOTALS;

export async function compared(name: TotalName, subject: Subject, signal: AbortSignal): Promise<Compared> {
  const expression = TOTALS[name](subject.filters);
  const earlierInterval = before(subject.interval);
  const isComparable = isCovered(earlierInterval, subject.sinceMs);
  const [current, earlier] = await Promise.all([
    instant(expression, subject.interval, signal),
    isComparable ? instant(expression, earlierInterval, signal) : undefined,
  ]);
  return {
    current: current.values[0]?.value ?? null,
    earlier: earlier?.values[0]?.value ?? null,
    isComparable,
  };
}

export async function requestRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const answer = await ask(TOTALS.requests(subject.filters), subject, signal);
  const { timesMs, series, notes } = lines(
    [{ answer, label: 'Requests', color: '--series-1' }],
    subject,
    'zero',
  );
  const rates = series.map((one) => ({
    ...one,
    values: perSecond(one.values, timesMs, subject.stepMs, seenUntil(subject)),
  }));
  return { data: { timesMs, stepMs: subject.stepMs, unit: 'per_second', series: rates }, notes };
}

export async function errorRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const answer = await ask(TOTALS.errorRate(subject.filters), subject, signal);
  return panel(
    lines([{ answer, label: 'Error rate', color: '--series-bad' }], subject, 'unknown'),
    answer,
    subject,
  );
}

export async function errorCauses(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const errors = aggregate('sum', 'llm.request.error', subject.filters);
  const byCause = aggregate('sum', 'llm.request.error', subject.filters, 'error_type');
  return stack(errors, top(CAUSES_MAX, byCause), subject, signal);
}

export function latency(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return percentiles('llm.request.duration', subject, signal);
}

export function firstToken(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return percentiles('llm.time_to_first_token', subject, signal);
}

export async function tokens(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const [input, output] = await Promise.all([
    ask(aggregate('sum', 'llm.tokens.input', subject.filters), subject, signal),
    ask(aggregate('sum', 'llm.tokens.output', subject.filters), subject, signal),
  ]);
  const parts = [
    { answer: input, label: 'Input', color: '--series-1' },
    { answer: output, label: 'Output', color: '--series-2' },
  ];
  return panel(lines(parts, subject, 'zero'), input, subject);
}

export function spendByModel(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const byModel = aggregate('sum', 'llm.cost.usd', subject.filters, 'model');
  return stack(TOTALS.spend(subject.filters), top(MODELS_MAX, byModel), subject, signal);
}

export async function spendTable(subject: Subject, signal: AbortSignal): Promise<Spend> {
  const byModel = aggregate('sum', 'llm.cost.usd', subject.filters, 'model');
  const all = TOTALS.spend(subject.filters);
  const earlierInterval = before(subject.interval);
  const isComparable = isCovered(earlierInterval, subject.sinceMs);
  const [current, whole, earlier, earlierWhole] = await Promise.all([
    instant(top(MODELS_MAX, byModel), subject.interval, signal),
    instant(all, subject.interval, signal),
    isComparable ? instant(byModel, earlierInterval, signal) : undefined,
    isComparable ? instant(all, earlierInterval, signal) : undefined,
  ]);
  const totalUsd = whole.values[0]?.value ?? 0;
  const earlierUsd = earlier && new Map(named(earlier));
  const rows = named(current).map(([model, usd]) => ({
    model,
    usd,
    share: totalUsd === 0 ? 0 : usd / totalUsd,
    earlierUsd: earlierUsd && (earlierUsd.get(model) ?? 0),
  }));
  const earlierTotalUsd = earlierWhole && (earlierWhole.values[0]?.value ?? 0);
  return { rows: withOthers(rows, totalUsd, earlierTotalUsd), totalUsd };
}

/** Adds a row for what the named models leave of the total. */
function withOthers(rows: SpendRow[], totalUsd: number, earlierTotalUsd: number | undefined): SpendRow[] {
  const restUsd = totalUsd - rows.reduce((sum, { usd }) => sum + usd, 0);
  if (!isRest(restUsd, totalUsd)) return rows;
  const earlierNamedUsd = rows.reduce((sum, row) => sum + (row.earlierUsd ?? 0), 0);
  const earlierUsd =
    earlierTotalUsd === undefined ? undefined : Math.max(0, earlierTotalUsd - earlierNamedUsd);
  return [...rows, { model: OTHERS, usd: restUsd, share: restUsd / totalUsd, earlierUsd }];
}

/** Whether a difference is more than what adding up in another order makes. */
function isRest(rest: number, whole: number): boolean {
  return rest > Math.abs(whole) * 1e-9;
}

function named(answer: InstantAnswer): [string, number][] {
  return answer.values.map((item) => [groupName(item.tags), item.value ?? 0]);
}

async function percentiles(metric: string, subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const wanted = [
    { func: 'p50', color: '--series-low' },
    { func: 'p95', color: '--series-middle' },
    { func: 'p99', color: '--series-high' },
  ];
  const answers = await Promise.all(
    wanted.map(({ func }) => ask(aggregate(func, metric, subject.filters), subject, signal)),
  );
  const parts = answers.flatMap((answer, i) => {
    const one = wanted[i];
    return one ? [{ answer, label: one.func, color: one.color }] : [];
  });
  return {
    data: {
      timesMs: gridOf(subject),
      stepMs: subject.stepMs,
      unit: 'ms',
      series: lines(parts, subject, 'unknown').series,
    },
    notes: unique(answers.flatMap(({ notes }) => notes)),
  };
}

/** Groups as layers, and what they leave of the whole as a layer of its own. */
async function stack(
  whole: string,
  groups: string,
  subject: Subject,
  signal: AbortSignal,
): Promise<PanelContent> {
  const [all, grouped] = await Promise.all([ask(whole, subject, signal), ask(groups, subject, signal)]);
  const timesMs = gridOf(subject);
  const layers: ChartSeries[] = grouped.series.map((series, i) => ({
    key: groupName(series.tags),
    label: groupName(series.tags),
    color: `--series-${i + 1}`,
    values: onGrid(series, timesMs, subject.stepMs, 'zero'),
  }));
  const rest = onGrid(single(all), timesMs, subject.stepMs, 'zero').map((value, i) => {
    const left = (value ?? 0) - layers.reduce((sum, { values }) => sum + (values[i] ?? 0), 0);
    return isRest(left, value ?? 0) ? left : 0;
  });
  if (total(rest) > 0) layers.push({ key: OTHERS, label: OTHERS, color: '--series-other', values: rest });
  const data: ChartData = { timesMs, stepMs: subject.stepMs, unit: grouped.unit, series: layers };
  return { data, notes: unique([...all.notes, ...grouped.notes]) };
}

function ask(expression: string, { interval, stepMs }: Subject, signal: AbortSignal): Promise<Answer> {
  return query(expression, interval, stepMs, signal);
}

interface Part {
  answer: Answer;
  label: string;
  color: string;
}

function lines(parts: readonly Part[], subject: Subject, absent: Absent) {
  const timesMs = gridOf(subject);
  const series = parts.map(({ answer, label, color }) => ({
    key: label,
    label,
    color,
    values: onGrid(single(answer), timesMs, subject.stepMs, absent),
  }));
  return { timesMs, series, notes: unique(parts.flatMap(({ answer }) => answer.notes)) };
}

function panel(drawn: ReturnType<typeof lines>, { unit }: Answer, { stepMs }: Subject): PanelContent {
  return { data: { timesMs: drawn.timesMs, stepMs, unit, series: drawn.series }, notes: drawn.notes };
}

/** Until when calls can be in the answer: it is made from whole minutes, the last of which may not be over. */
function seenUntil({ interval, nowMs }: Subject): number {
  return Math.min(Math.ceil(interval.toMs / MINUTE_MS) * MINUTE_MS, Math.max(nowMs, interval.toMs));
}

function gridOf({ interval, stepMs }: Subject): number[] {
  return bucketTimes(interval, stepMs);
}

function unique(notes: readonly string[]): string[] {
  return [...new Set(notes)];
}
