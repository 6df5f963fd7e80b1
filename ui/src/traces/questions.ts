// What the pages of traces ask Weir, and the shapes of the answers.

import { ask, ends, tell } from '../api/client';
import type { components } from '../api/schema';
import type { Span, SpanPage } from '../api/types';
import type { Interval } from '../time/range';

/** What was judged about a span or a trace. */
export type Score = components['schemas']['ScoreItem'];

/** A whole trace: its spans in the order of their starts. */
export type WholeTrace = components['schemas']['TraceItem'];

/** One trace of the table. */
export type TraceRow = components['schemas']['TraceListItem'];

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
  const answer = await ask<components['schemas']['TraceList']>(
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
  const answer = await ask<SpanPage>(
    '/api/spans',
    { ...common(subject), sort, after, limit: PAGE_ROWS },
    signal,
  );
  return { rows: answer.spans, next: answer.next };
}

export function wholeTrace(traceId: string, signal: AbortSignal): Promise<WholeTrace> {
  return ask(`/api/traces/${traceId}`, {}, signal);
}

/** The values of one tag with how many spans have them, and how many values there are in all. */
export type Facet = components['schemas']['FacetGroupItem'];

/** The values of tags, and how many spans there are. */
export type Facets = components['schemas']['FacetGroups'];

export function facetCounts(
  tags: readonly string[],
  subject: Subject,
  limit: number,
  signal: AbortSignal,
): Promise<Facets> {
  return ask('/api/facets/all', { ...common(subject), tags: tags.join(','), limit }, signal);
}

/** How many spans started in each part of the range. */
export type Histogram = components['schemas']['CountList'];

export function histogram(subject: Subject, buckets: number, signal: AbortSignal): Promise<Histogram> {
  return ask('/api/histogram', { ...common(subject), buckets }, signal);
}

/** Which calls to compare with the rest. */
export type Selected = Partial<components['schemas']['SelectedCalls']>;

/** How both sides differ, the tags that stand out first. */
export type Differences = components['schemas']['DiffersAnswer'];

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
