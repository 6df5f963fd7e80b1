// How well retrievers found what was asked for: each index against each category of questions.

import { instant } from '../api/client';
import { RELEVANCE } from '../calls/names';
import { aggregate } from '../query/expression';
import type { Subject } from '../question/subject.svelte';

/** The mean relevance by index and category. */
export interface Relevances {
  indexes: readonly string[];
  categories: readonly string[];
  /** By index and category as JSON of both. */
  cells: ReadonlyMap<string, { value: number; count: number }>;
}

export function cellKey(index: string, category: string): string {
  return JSON.stringify([index, category]);
}

export async function relevances(subject: Subject, signal: AbortSignal): Promise<Relevances> {
  const by = 'index, query_category';
  const [means, counts] = await Promise.all(
    (['avg', 'count'] as const).map((func) =>
      instant(aggregate(func, RELEVANCE, subject.filters, by), subject.interval, signal),
    ),
  );
  return table(means?.values ?? [], counts?.values ?? []);
}

interface Grouped {
  tags: Readonly<Record<string, string | null>>;
  value: number | null;
}

/** Rows and columns by name; what has no tag is `none`. */
export function table(means: readonly Grouped[], counts: readonly Grouped[]): Relevances {
  const names = ({ tags }: Grouped) => [tags['index'] ?? 'none', tags['query_category'] ?? 'none'] as const;
  const counted = new Map(counts.map((one) => [cellKey(...names(one)), one.value ?? 0]));
  const cells = new Map<string, { value: number; count: number }>();
  for (const one of means) {
    const key = cellKey(...names(one));
    if (one.value !== null) cells.set(key, { value: one.value, count: counted.get(key) ?? 0 });
  }
  const all = [...cells.keys()].map((key) => JSON.parse(key) as [string, string]);
  const sorted = (values: string[]) => [...new Set(values)].sort((a, b) => a.localeCompare(b));
  return {
    indexes: sorted(all.map(([index]) => index)),
    categories: sorted(all.map(([, category]) => category)),
    cells,
  };
}
