// Follows calls as they happen, over server-sent events. The list is bounded, arrivals are drawn in batches, and while
// the viewer reads, they wait. A lost connection is opened again, with growing pauses, for as long as the page is open.

import { ApiError, ask } from '../api/client';
import type { Span, SpanPage } from '../api/types';
import { callKey } from '../calls/labels';

/** How many calls are kept: more than anyone reads, few enough for any machine. */
export const CALLS_MAX = 500;

/** Arrivals are shown together this often: each on its own would keep a busy page from doing anything else. */
const BATCH_MS = 150;

/** Pauses between attempts to connect. */
const RETRY_MS: readonly number[] = [1_000, 2_000, 5_000, 10_000];

/** The time over which the rate is told. */
const RATE_MS = 10_000;

/** `lost` is told only after a first connection: before, it is still being made. */
export type TailState = 'connecting' | 'open' | 'lost' | 'refused';

/** What of an event source is used; a test brings its own. */
export interface EventStream {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
  readonly readyState: number;
}

export interface TailQuestion {
  /** A condition on tags; empty for any. */
  filter: string;
  /** Only these kinds of spans; none for all. */
  kinds: readonly string[];
}

const CLOSED = 2;

export class Tail {
  state = $state<TailState>('connecting');
  /** What is wrong with the question, where Weir refused it. */
  error = $state.raw<ApiError>();
  /** Newest first. */
  calls = $state.raw<readonly Span[]>([]);
  /** How many arrived while paused, also those that no longer fit. */
  waiting = $state(0);
  /** How many Weir left out because there were more than it sends. */
  skipped = $state(0);
  /** Calls in a second, over the last ones. */
  rate = $state(0);
  #isPaused = false;
  #arrived: Span[] = [];
  #times: number[] = [];

  /** Follows until the returned function is called. */
  follow(
    question: TailQuestion,
    open: (url: string) => EventStream = (url) => new EventSource(url),
  ): () => void {
    let stream: EventStream | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let attempts = 0;
    const controller = new AbortController();
    this.#clear();
    const connect = () => {
      stream = open(tailUrl(question));
      stream.addEventListener('open', () => {
        attempts = 0;
        this.state = 'open';
        this.error = undefined;
      });
      stream.addEventListener('span', ({ data }) => this.#take(data));
      stream.addEventListener('skipped', ({ data }) => this.#skip(data));
      stream.addEventListener('error', () => {
        if (this.state === 'open') this.state = 'lost';
        // The browser connects again by itself unless Weir answered with an error.
        if (stream?.readyState !== CLOSED) return;
        const pauseMs = RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)];
        attempts += 1;
        retry = setTimeout(connect, pauseMs);
        void this.#findFault(question, controller.signal);
      });
    };
    connect();
    const flush = setInterval(() => this.#flush(), BATCH_MS);
    return () => {
      stream?.close();
      controller.abort();
      clearTimeout(retry);
      clearInterval(flush);
    };
  }

  /** While paused arrivals wait, up to as many as the list holds. */
  pause(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (!isPaused) this.#flush();
  }

  #clear() {
    this.state = 'connecting';
    this.error = undefined;
    this.calls = [];
    this.waiting = 0;
    this.skipped = 0;
    this.rate = 0;
    this.#arrived = [];
    this.#times = [];
  }

  #take(data: string) {
    let span: Span;
    try {
      span = JSON.parse(data) as Span;
    } catch {
      // An event cut off by a lost connection.
      return;
    }
    this.#arrived.push(span);
    this.#times.push(Date.now());
    if (this.#arrived.length > CALLS_MAX) this.#arrived.shift();
    if (this.#isPaused) this.waiting += 1;
  }

  #skip(data: string) {
    const count = Number(/"count"\s*:\s*(\d+)/.exec(data)?.[1] ?? 0);
    this.skipped += count;
  }

  #flush() {
    const sinceMs = Date.now() - RATE_MS;
    this.#times = this.#times.filter((time) => time >= sinceMs);
    const rate = this.#times.length / (RATE_MS / 1_000);
    if (rate !== this.rate) this.rate = rate;
    if (this.#isPaused || this.#arrived.length === 0) return;
    // After a reconnection a call may be told twice.
    const known = new Set(this.calls.map(callKey));
    const fresh = this.#arrived.filter((span) => {
      const key = callKey(span);
      return !known.has(key) && known.add(key);
    });
    this.#arrived = [];
    this.waiting = 0;
    this.calls = [...fresh.toReversed(), ...this.calls].slice(0, CALLS_MAX);
  }

  /** An event source does not say why it was refused; the same condition, asked as a list, does. */
  async #findFault({ filter }: TailQuestion, signal: AbortSignal) {
    try {
      await ask<SpanPage>('/api/spans', { filter, limit: 1 }, signal);
      if (this.state !== 'open') this.state = 'lost';
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) return;
      this.error = error;
      this.state = error.status === 400 ? 'refused' : 'lost';
    }
  }
}

/** The address of the stream. */
export function tailUrl({ filter, kinds }: TailQuestion): string {
  const params = new URLSearchParams();
  if (filter !== '') params.set('filter', filter);
  if (kinds.length > 0) params.set('kinds', kinds.join(','));
  const search = params.toString();
  return `/api/live${search === '' ? '' : `?${search}`}`;
}
