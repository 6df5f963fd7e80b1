// What the Health section asks: one function for each panel.

import { ask, ends, instant, query } from '../api/client';
import { bucketTimes, onGrid, type Value } from '../chart/table';
import { aggregate, callScope, scope, top, type Filters } from '../query/expression';
import {
  asRate,
  groupLines,
  lines,
  percentiles,
  SERIES_MAX,
  stack,
  type PanelContent,
} from '../question/charts';
import type { Subject } from '../question/subject.svelte';

/** Errors that say that a model did not answer. The caller's own mistakes and goings away are no outage. */
export const OUTAGES = [
  'server_error',
  'overloaded',
  'timeout',
  'rate_limit',
  'quota',
  'connect',
  'connect_timeout',
  'closed',
  'upstream_unreachable',
  'upstream_timeout',
  'upstream_invalid',
  'upstream_cut',
] as const;

/** Errors that mean: too much, or too slow. */
const PRESSURE = [
  'rate_limit',
  'quota',
  'overloaded',
  'timeout',
  'upstream_timeout',
  'connect_timeout',
] as const;

/** One percentile of the latency. */
export type Percentile = 'p50' | 'p95' | 'p99';

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  requests: (filters: Filters) => aggregate('sum', 'llm.request.count', filters),
  errorRate: (filters: Filters) => aggregate('rate', 'llm.request.error', filters),
  availability: (filters: Filters) => `1 - ${outageRate(filters)}`,
  latency: (filters: Filters) => aggregate('p95', 'llm.request.duration', filters),
  firstToken: (filters: Filters) => aggregate('p95', 'llm.time_to_first_token', filters),
} as const;

function outageRate(filters: Filters, by?: string): string {
  return narrowedErrors('rate', OUTAGES, filters, by);
}

function narrowedErrors(func: string, causes: readonly string[], filters: Filters, by?: string): string {
  return aggregate(func, `llm.request.error{error_type IN (${causes.join(', ')})}`, filters, by);
}

export async function requestRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.requests(subject.filters), label: 'Requests', color: '--series-1' };
  return asRate(await lines([line], 'zero', subject, signal), subject);
}

/** The shape behind the number of the same name. */
export function latency(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.latency(subject.filters), label: 'p95', color: '--series-middle' };
  return lines([line], 'unknown', { ...subject, isCompared: false }, signal);
}

export function availability(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = {
    expression: TOTALS.availability(subject.filters),
    label: 'Availability',
    color: '--series-3',
  };
  return lines([line], 'unknown', { ...subject, isCompared: false }, signal);
}

export function errorRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.errorRate(subject.filters), label: 'Error rate', color: '--series-bad' };
  return lines([line], 'unknown', subject, signal);
}

export function errorCauses(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const errors = aggregate('sum', 'llm.request.error', subject.filters);
  const byCause = aggregate('sum', 'llm.request.error', subject.filters, 'error_type');
  return stack({ whole: errors, groups: byCause }, subject, signal);
}

export function latencyByModel(percentile: Percentile) {
  return (subject: Subject, signal: AbortSignal): Promise<PanelContent> => {
    const byModel = aggregate(percentile, 'llm.request.duration', subject.filters, 'model');
    return groupLines(top(SERIES_MAX, byModel), 'unknown', subject, signal);
  };
}

export function firstToken(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return percentiles((func) => aggregate(func, 'llm.time_to_first_token', subject.filters), subject, signal);
}

export function pressure(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const whole = narrowedErrors('sum', PRESSURE, subject.filters);
  const byModel = narrowedErrors('sum', PRESSURE, subject.filters, 'model');
  return stack({ whole, groups: byModel }, subject, signal);
}

/** The condition of the calls behind `pressure`. */
export const PRESSURE_SCOPE = `error_type IN (${PRESSURE.join(', ')})`;

/** How often one cause hit one model. */
export interface Cause {
  errorType: string | null;
  provider: string | null;
  model: string | null;
  count: number;
}

export async function causes(subject: Subject, signal: AbortSignal): Promise<Cause[]> {
  const expression = narrowedErrors('sum', PRESSURE, subject.filters, '{error_type, provider, model}');
  const { values } = await instant(top(50, expression), subject.interval, signal);
  return values.map(({ tags, value }) => ({
    errorType: tags['error_type'] ?? null,
    provider: tags['provider'] ?? null,
    model: tags['model'] ?? null,
    count: value ?? 0,
  }));
}

/** How one model did, over the range and in each bucket. */
export interface ModelHealth {
  model: string | null;
  calls: number;
  availability: number | null;
  errorRate: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  firstToken: number | null;
  /** The availability in each bucket; null where there was no call. */
  over: Value[];
}

/** All models, on one grid of buckets. */
export interface Models {
  rows: ModelHealth[];
  timesMs: number[];
  stepMs: number;
}

/** Models that anyone would read through. */
const MODELS_MAX = 50;

export async function models(subject: Subject, signal: AbortSignal): Promise<Models> {
  const { filters, interval, stepMs } = subject;
  const of = (func: string, metric: string) =>
    instant(aggregate(func, metric, filters, 'model'), interval, signal);
  const [calls, outages, errors, p50, p95, p99, firstTokens, over] = await Promise.all([
    instant(top(MODELS_MAX, aggregate('sum', 'llm.request.count', filters, 'model')), interval, signal),
    instant(outageRate(filters, 'model'), interval, signal),
    of('rate', 'llm.request.error'),
    of('p50', 'llm.request.duration'),
    of('p95', 'llm.request.duration'),
    of('p99', 'llm.request.duration'),
    of('p95', 'llm.time_to_first_token'),
    query(outageRate(filters, 'model'), interval, stepMs, signal),
  ]);
  const timesMs = bucketTimes(interval, stepMs);
  const valueOf = (answer: typeof calls, model: string | null) =>
    answer.values.find(({ tags }) => (tags['model'] ?? null) === model)?.value ?? null;
  const rows = calls.values.map(({ tags, value }): ModelHealth => {
    const model = tags['model'] ?? null;
    const series = over.series.find((one) => (one.tags['model'] ?? null) === model);
    const outage = valueOf(outages, model);
    return {
      model,
      calls: value ?? 0,
      availability: outage === null ? null : 1 - outage,
      errorRate: valueOf(errors, model),
      p50: valueOf(p50, model),
      p95: valueOf(p95, model),
      p99: valueOf(p99, model),
      firstToken: valueOf(firstTokens, model),
      over: onGrid(series, timesMs, stepMs, 'unknown').map((rate) => (rate === null ? null : 1 - rate)),
    };
  });
  return { rows, timesMs, stepMs };
}

/** Counts of calls by time and duration. */
export interface Heat {
  stepMs: number;
  /** The upper bounds of the rows. */
  bounds: number[];
  columns: { startMs: number; counts: number[] }[];
}

interface HeatAnswer {
  step_ms: number;
  buckets: number[];
  columns: { start_ms: number; counts: number[] }[];
}

export async function latencyHeat(subject: Subject, signal: AbortSignal): Promise<Heat> {
  const filter = scope(subject.filters);
  const params = { metric: 'llm.request.duration', ...ends(subject.interval), step: subject.stepMs, filter };
  const { step_ms, buckets, columns } = await ask<HeatAnswer>('/api/heatmap', params, signal);
  return {
    stepMs: step_ms,
    bounds: buckets,
    columns: columns.map(({ start_ms, counts }) => ({ startMs: start_ms, counts })),
  };
}

/** The condition of the calls that a model did not answer. */
export function outageScope(filters: Filters): string {
  return `${callScope(filters)} AND error_type IN (${OUTAGES.join(', ')})`;
}
