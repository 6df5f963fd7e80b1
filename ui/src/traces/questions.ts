// What the pages of traces ask Weir, and the shapes of the answers.

import { ask, ends, tell } from '../api/client';
import type { components } from '../api/schema';
import type { Span } from '../api/types';
import type { Interval } from '../time/range';

/** What was judged about a span or a trace. */
export type Score = components['schemas']['ScoreItem'];

/** A whole trace: its spans in the order of their starts. */
export type WholeTrace = components['schemas']['TraceItem'];

/** One trace of the table. */
export interface TraceRow {
  trace_id: string;
  name: string;
  start_ms: number;
  duration_ms: number;
  /** How many spans it has, failed ones, and calls to a model. */
  spans: number;
  errors: number;
  model_calls: number;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_usd: number | null;
  models: string[];
  app: string | null;
  agent: string | null;
  team: string | null;
  session: string | null;
  user: string | null;
  service: string | null;
  status: 'ok' | 'error';
  input_preview: string | null;
  output_preview: string | null;
}

/** One page of a list; `next` continues it. */
export interface Page<T> {
  rows: T[];
  next: string | null;
}

/** Bounds on numbers, by the names of the API's parameters. */
export interface Bounds {
  min_duration_ms?: string;
  max_duration_ms?: string;
  min_cost_usd?: string;
  min_tokens?: string;
}

/** What a table is about. */
export interface Subject {
  range: Interval;
  /** A condition on tags; empty for any. */
  filter: string;
  /** A text in prompts and answers; empty for any. */
  text: string;
  bounds: Bounds;
}

/** Few enough to arrive at once, enough for a tall screen and a half. */
export const PAGE_ROWS = 100;

export async function tracePage(
  subject: Subject,
  sort: string,
  after: string | undefined,
  signal: AbortSignal,
): Promise<Page<TraceRow>> {
  const answer = await ask<{ traces: TraceRow[]; next: string | null }>(
    '/api/traces',
    { ...common(subject), sort, after, limit: PAGE_ROWS },
    signal,
  );
  return { rows: answer.traces, next: answer.next };
}

export async function spanPage(
  subject: Subject,
  sort: string,
  after: string | undefined,
  signal: AbortSignal,
): Promise<Page<Span>> {
  const answer = await ask<{ spans: Span[]; next: string | null }>(
    '/api/spans',
    { ...common(subject), sort, after, limit: PAGE_ROWS },
    signal,
  );
  return { rows: answer.spans, next: answer.next };
}

export function wholeTrace(traceId: string, signal: AbortSignal): Promise<WholeTrace> {
  return ask(`/api/traces/${traceId}`, {}, signal);
}

/** The values of one tag with how many spans have them. */
export interface Facet {
  values: { value: string; count: number }[];
  /** How many values there are in all. */
  distinct: number;
}

export interface Facets {
  facets: Record<string, Facet>;
  /** How many spans there are. */
  total: number;
}

export function facetCounts(
  tags: readonly string[],
  subject: Subject,
  limit: number,
  signal: AbortSignal,
): Promise<Facets> {
  return ask('/api/facets/all', { ...common(subject), tags: tags.join(','), limit }, signal);
}

export interface Histogram {
  buckets: { start_ms: number; ok: number; error: number }[];
  step_ms: number;
}

export function histogram(subject: Subject, buckets: number, signal: AbortSignal): Promise<Histogram> {
  return ask('/api/histogram', { ...common(subject), buckets }, signal);
}

/** Which calls to compare with the rest. */
export interface Selected {
  from?: string;
  to?: string;
  filter?: string;
  min_duration_ms?: number;
  max_duration_ms?: number;
  min_cost_usd?: number;
}

export interface DifferingTag {
  tag: string;
  /** How much the two sides differ, from 0 to 1. */
  score: number;
  values: {
    value: string | null;
    selected: number;
    rest: number;
    selected_share: number;
    rest_share: number;
  }[];
}

export interface Differences {
  /** How many spans are on each side. */
  selected: number;
  rest: number;
  tags: DifferingTag[];
}

export function differences(
  { range, filter, text }: Subject,
  selected: Selected,
  signal: AbortSignal,
): Promise<Differences> {
  const body = { ...ends(range), ...(filter && { filter }), ...(text && { text }), selected };
  return tell('POST', '/api/differs', body, signal);
}

function common({ range, filter, text, bounds }: Subject) {
  return { ...ends(range), filter, text, ...bounds };
}
