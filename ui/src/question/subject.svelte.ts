// What a page asks about, and how it asks: one resource for each panel, loaded side by side, given up when the view
// changes under it or the page is left.

import { Resource } from '../api/resource.svelte';
import { server } from '../frame/server.svelte';
import { view } from '../frame/view.svelte';
import type { Filters } from '../query/expression';
import type { Interval } from '../time/range';

/** What all panels are asked about. */
export interface Subject {
  interval: Interval;
  stepMs: number;
  filters: Filters;
  /** The present: buckets after it are still empty. */
  nowMs: number;
  /** When the oldest call that Weir still knows was made. */
  sinceMs: number | null;
  /** What numbers are compared with. */
  earlier: Interval;
  /** Whether charts show the time before too. */
  isCompared: boolean;
}

/** A question about what the page looks at. */
export type Question<T> = (subject: Subject, signal: AbortSignal) => Promise<T>;

/** Keeps the answer to a question. Call while a component initialises. */
export function answer<T>(question: Question<T>): Resource<T> {
  return new Resource((signal) => {
    if (server.hasData !== true) return undefined;
    return question(subject(), signal);
  });
}

function subject(): Subject {
  return {
    interval: view.interval,
    stepMs: view.stepMs,
    filters: view.filters,
    nowMs: view.nowMs,
    sinceMs: server.sinceMs,
    earlier: view.earlier,
    isCompared: view.compare !== 'off',
  };
}
