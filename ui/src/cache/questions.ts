// What the Cache section asks: how the cache is now, what it did over time, and to forget entries.

import { ask, instant, tell } from '../api/client';
import type { components } from '../api/schema';
import type { InstantAnswer } from '../api/types';
import { groupName, type Value } from '../chart/table';
import { aggregate, type FilterTag, type Filters, top } from '../query/expression';
import { groupLines, lines, shape, stack, type PanelContent } from '../question/charts';
import type { Subject } from '../question/subject.svelte';

type Schemas = components['schemas'];

/** How the cache is doing; its counts are since Weir started. */
export type Report = Schemas['CacheReport'];

/** Whom hits are told by. */
export const DIMENSIONS = [
  { key: 'model', title: 'Model' },
  { key: 'team', title: 'Team' },
  { key: 'app', title: 'App' },
] as const satisfies readonly { key: FilterTag; title: string }[];

export type Dimension = (typeof DIMENSIONS)[number]['key'];

/** The condition of the calls that a cache answered. */
export const HITS = 'cache IN (exact, semantic, coalesced)';

/** Rates jump between nothing and all in short buckets: of more lines nobody could follow one. */
const LINES_MAX = 4;

/** Groups that anyone would read through. */
const ROWS_MAX = 50;

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  hitRate: (filters: Filters) => aggregate('rate', 'custom.llm.cache_hit', filters),
  hits: (filters: Filters) => aggregate('sum', 'custom.llm.cache_hit', filters),
  saved: (filters: Filters) => saved(filters),
  wouldSave: (filters: Filters) => aggregate('sum', 'llm.cost.would_save_usd{layer:cache}', filters),
} as const;

function saved(filters: Filters, by?: string): string {
  return aggregate('sum', 'llm.cost.saved_usd{layer:cache}', filters, by);
}

export function report(signal: AbortSignal): Promise<Report> {
  return ask('/api/cache', {}, signal);
}

/** The shape behind a number. */
export function trend(name: keyof typeof TOTALS, subject: Subject, signal: AbortSignal): Promise<Value[]> {
  return shape(TOTALS[name](subject.filters), subject, signal);
}

export function hitRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.hitRate(subject.filters), label: 'Hit rate', color: '--series-3' };
  return lines([line], 'unknown', subject, signal);
}

export function hitRateBy(by: Dimension, subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const rate = aggregate('rate', 'custom.llm.cache_hit', subject.filters, by);
  return groupLines(top(LINES_MAX, rate), 'unknown', subject, signal);
}

/** What became of a call, from the bottom of the stack: a colour means the same in every range. */
const OUTCOMES: Readonly<Record<string, string>> = {
  exact: '--series-3',
  semantic: '--series-1',
  coalesced: '--series-5',
  miss: '--series-2',
  bypass: '--series-other',
};

/** The calls that the cache had to do with, by what it did. */
export async function outcomes(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const looked = 'llm.request.count{cache:*}';
  const whole = aggregate('sum', looked, subject.filters);
  const groups = aggregate('sum', looked, subject.filters, 'cache');
  const { data, notes } = await stack({ whole, groups }, subject, signal);
  const order = Object.keys(OUTCOMES);
  const series = data.series
    .map((one) => ({ ...one, color: OUTCOMES[one.key] ?? one.color }))
    .toSorted((a, b) => order.indexOf(a.key) - order.indexOf(b.key));
  return { data: { ...data, series }, notes };
}

/** What the cache did for one group. */
export interface Served {
  name: string;
  /** The value of the tag; null for calls without one. */
  value: string | null;
  hits: number;
  /** Hits and misses together. */
  looked: number;
  savedUsd: number;
}

/** All groups that were looked up, those with the most hits first. */
export async function served(by: Dimension, subject: Subject, signal: AbortSignal): Promise<Served[]> {
  const { filters, interval } = subject;
  const of = (expression: string) => instant(top(ROWS_MAX, expression), interval, signal);
  const [hits, misses, amounts] = await Promise.all([
    of(aggregate('sum', 'custom.llm.cache_hit', filters, by)),
    of(aggregate('sum', 'custom.llm.cache_miss', filters, by)),
    of(saved(filters, by)),
  ]);
  return merged(hits, misses, amounts);
}

/** One row for each group of any of the answers. */
export function merged(hits: InstantAnswer, misses: InstantAnswer, amounts: InstantAnswer): Served[] {
  const rows = new Map<string, Served>();
  const each = (answer: InstantAnswer, add: (row: Served, amount: number) => void) => {
    for (const { tags, value } of answer.values) {
      const name = groupName(tags);
      const row = rows.get(name) ?? {
        name,
        value: Object.values(tags)[0] ?? null,
        hits: 0,
        looked: 0,
        savedUsd: 0,
      };
      rows.set(name, row);
      add(row, value ?? 0);
    }
  };
  each(hits, (row, amount) => {
    row.hits += amount;
    row.looked += amount;
  });
  each(misses, (row, amount) => (row.looked += amount));
  each(amounts, (row, amount) => (row.savedUsd += amount));
  return [...rows.values()]
    .filter(({ looked }) => looked > 0)
    .toSorted((a, b) => b.hits - a.hits || b.looked - a.looked);
}

/** Which entries to forget. */
export type Purge = { all: true } | { team: string } | { model: string };

/** Forgets entries; how many that were in this process. */
export async function purge(wanted: Purge, by: string, signal: AbortSignal): Promise<number> {
  const params = new URLSearchParams(
    Object.entries({ ...wanted, ...(by && { by }) }).map(([name, value]) => [name, String(value)]),
  );
  return (await tell<Schemas['CachePurged']>('DELETE', `/api/cache?${params}`, undefined, signal)).entries;
}
