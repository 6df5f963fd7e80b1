// A list that is loaded page by page as one scrolls. A new question starts it anew; until its first page is there, the
// old rows stay, so that nothing jumps.

import { untrack } from 'svelte';
import { ApiError } from '../api/client';
import type { Page } from './questions';

/** Whoever scrolled through so many wants a narrower question; more would only fill the memory of the tab. */
export const ROWS_MAX = 50_000;

type Load<T> = (after: string | undefined, signal: AbortSignal) => Promise<Page<T>>;

export class List<T> {
  rows = $state.raw<readonly T[]>([]);
  error = $state.raw<ApiError>();
  loading = $state(true);
  /** Whether the first page of the present question is there. */
  arrived = $state(false);
  #next = $state.raw<string | null>(null);
  #load: Load<T> | undefined;
  #controller = new AbortController();
  #attempt = $state(0);

  /** Whether there is more to load. */
  readonly hasMore: boolean = $derived(this.#next !== null && this.rows.length < ROWS_MAX);

  /**
   * Must be made while a component initialises. What `question` reads is what the list depends on; undefined asks
   * nothing. `key` names a row.
   */
  constructor(
    question: () => Load<T> | undefined,
    private readonly key: (row: T) => string,
  ) {
    $effect(() => {
      void this.#attempt;
      const load = question();
      untrack(() => this.#start(load));
      return () => this.#controller.abort(new DOMException('superseded', 'AbortError'));
    });
  }

  retry() {
    this.#attempt += 1;
  }

  /** Loads the next page, unless one is on its way. */
  more() {
    if (this.loading || this.#next === null || !this.#load || !this.hasMore) return;
    void this.#follow(this.#load, this.#next);
  }

  #start(load: Load<T> | undefined) {
    this.#controller = new AbortController();
    this.#load = load;
    this.arrived = false;
    if (load) void this.#follow(load, undefined);
    else this.loading = false;
  }

  async #follow(load: Load<T>, after: string | undefined) {
    const { signal } = this.#controller;
    this.loading = true;
    try {
      const page = await load(after, signal);
      if (signal.aborted) return;
      this.rows = this.#joined(after === undefined ? [] : this.rows, page.rows);
      this.#next = page.next;
      this.error = undefined;
      this.arrived = true;
    } catch (error) {
      if (signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
    this.loading = false;
  }

  /** A row that moved between two pages, because more came in meanwhile, is listed once. */
  #joined(before: readonly T[], rows: readonly T[]): readonly T[] {
    const seen = new Set(before.map(this.key));
    const fresh = rows.filter((row) => !seen.has(this.key(row)) && seen.add(this.key(row)));
    return [...before, ...fresh];
  }
}
