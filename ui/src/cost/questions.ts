// What the Cost section asks: one function for each panel.

import { ask, ends } from '../api/client';
import { aggregate, measured, scope, top, type FilterTag, type Filters } from '../query/expression';
import type { Value } from '../chart/table';
import { groupLines, SERIES_MAX, shape, stack, type PanelContent } from '../question/charts';
import { breakdown, type Breakdown } from '../question/numbers';
import type { Subject } from '../question/subject.svelte';
import { before, isCovered, type Interval } from '../time/range';

/** Whom spend is told by. */
export const DIMENSIONS = [
  { key: 'model', title: 'Model' },
  { key: 'team', title: 'Team' },
  { key: 'app', title: 'App' },
  { key: 'agent', title: 'Agent' },
] as const satisfies readonly { key: FilterTag; title: string }[];

export type Dimension = (typeof DIMENSIONS)[number]['key'];

/** Rows of a table that anyone would read through; what is left is one row more. */
const ROWS_MAX = 12;

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  spend: (filters: Filters) => aggregate('sum', 'llm.cost.usd', filters),
  perCall: (filters: Filters) => measured('ratio(llm.cost.usd, llm.request.count)', filters),
  tokens: (filters: Filters) => aggregate('sum', 'llm.tokens.total', filters),
  saved: (filters: Filters) => aggregate('sum', 'llm.cost.saved_usd', filters),
  wouldSave: (filters: Filters) => aggregate('sum', 'llm.cost.would_save_usd', filters),
} as const;

/** The shape behind a number. */
export function trend(name: keyof typeof TOTALS, subject: Subject, signal: AbortSignal): Promise<Value[]> {
  return shape(TOTALS[name](subject.filters), subject, signal);
}

export function spendBy(dimension: Dimension, subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const groups = aggregate('sum', 'llm.cost.usd', subject.filters, dimension);
  return stack({ whole: TOTALS.spend(subject.filters), groups }, subject, signal);
}

export function spendTable(dimension: Dimension, subject: Subject, signal: AbortSignal): Promise<Breakdown> {
  const groups = aggregate('sum', 'llm.cost.usd', subject.filters, dimension);
  return breakdown({ whole: TOTALS.spend(subject.filters), groups, count: ROWS_MAX }, subject, signal);
}

/** The share of input that providers read from their own caches, which cost a fraction of the price. */
export function providerCache(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const share = measured('ratio(llm.tokens.cached, llm.tokens.input) by model', subject.filters);
  return groupLines(top(SERIES_MAX, `(${share})`), 'unknown', subject, signal);
}

export function unpriced(subject: Subject, signal: AbortSignal): Promise<Breakdown> {
  const whole = aggregate('sum', 'llm.request.unpriced', subject.filters);
  const groups = aggregate('sum', 'llm.request.unpriced', subject.filters, 'model');
  return breakdown({ whole, groups, count: 50 }, subject, signal);
}

/** Why spend changed. The parts add up to the change. */
export interface Change {
  interval: Interval;
  /** Since when Weir knows calls, where that is within the time compared with; undefined where it knows all of it. */
  knownSinceMs: number | undefined;
  beforeUsd: number;
  afterUsd: number;
  changeUsd: number;
  parts: { key: string; usd: number }[];
  by: { value: string | null; beforeUsd: number; afterUsd: number; changeUsd: number }[];
}

interface ChangeAnswer {
  before_usd: number;
  after_usd: number;
  change_usd: number;
  parts: Record<string, number>;
  unexplained_usd: number;
  by: { value: string | null; before_usd: number; after_usd: number; change_usd: number }[];
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

/** The last seven days until the end of the range against the seven before. */
export function weekUntil({ toMs }: Interval): Interval {
  return { fromMs: toMs - WEEK_MS, toMs };
}

export async function change(
  interval: Interval,
  by: Dimension,
  { filters, sinceMs }: Subject,
  signal: AbortSignal,
): Promise<Change> {
  const params = { ...ends(interval), filter: scope(filters), by, tz: zone() };
  const answer = await ask<ChangeAnswer>('/api/cost/change', params, signal);
  const parts = Object.entries(answer.parts).map(([key, usd]) => ({ key, usd }));
  if (answer.unexplained_usd !== 0) parts.push({ key: 'unexplained', usd: answer.unexplained_usd });
  return {
    interval,
    knownSinceMs: sinceMs !== null && !isCovered(before(interval), sinceMs) ? sinceMs : undefined,
    beforeUsd: answer.before_usd,
    afterUsd: answer.after_usd,
    changeUsd: answer.change_usd,
    parts,
    by: answer.by.map((one) => ({
      value: one.value,
      beforeUsd: one.before_usd,
      afterUsd: one.after_usd,
      changeUsd: one.change_usd,
    })),
  };
}

/** The calendar month around now: what was spent, and what it will come to. */
export interface Forecast {
  /** `2026-11` */
  month: string;
  spentUsd: number;
  projectedUsd: number | null;
  lowUsd: number | null;
  highUsd: number | null;
  /** How likely the month ends within the band: 0.8. */
  confidence: number;
  days: Day[];
  /** How many days of history it rests on. */
  basisDays: number;
  method: string;
  /** How far off it would have been, as a share, on days that are over. */
  backtestError: number | null;
  /** Why there is no projection. */
  reason: string | null;
}

/** One day of the month. */
export interface Day {
  /** `2026-11-01` */
  day: string;
  spentUsd: number | null;
  expectedUsd: number | null;
  lowUsd: number | null;
  highUsd: number | null;
}

interface ForecastAnswer {
  month: string;
  spent_usd: number;
  projected_usd: number | null;
  low_usd: number | null;
  high_usd: number | null;
  confidence: number;
  days: {
    day: string;
    spent_usd: number | null;
    expected_usd: number | null;
    low_usd: number | null;
    high_usd: number | null;
  }[];
  basis_days: number;
  method: string;
  backtest_error: number | null;
  reason?: string | null;
}

export async function forecast({ filters }: Subject, signal: AbortSignal): Promise<Forecast> {
  const params = { filter: scope(filters), tz: zone() };
  const answer = await ask<ForecastAnswer>('/api/cost/forecast', params, signal);
  return {
    month: answer.month,
    spentUsd: answer.spent_usd,
    projectedUsd: answer.projected_usd,
    lowUsd: answer.low_usd,
    highUsd: answer.high_usd,
    confidence: answer.confidence,
    days: answer.days.map((one) => ({
      day: one.day,
      spentUsd: one.spent_usd,
      expectedUsd: one.expected_usd,
      lowUsd: one.low_usd,
      highUsd: one.high_usd,
    })),
    basisDays: answer.basis_days,
    method: answer.method,
    backtestError: answer.backtest_error,
    reason: answer.reason ?? null,
  };
}

/** The viewer's zone: whose days and months are meant. */
function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
