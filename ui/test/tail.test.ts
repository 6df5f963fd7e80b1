// The live tail: what arrives is shown once, waits while paused, and a lost connection is opened again.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CALLS_MAX, Tail, tailUrl, type EventStream } from '../src/live/tail.svelte';
import { idOf, span } from './spans';

class FakeStream implements EventStream {
  readyState = 0;
  isClosed = false;
  readonly #listeners = new Map<string, ((event: MessageEvent<string>) => void)[]>();

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close() {
    this.isClosed = true;
  }

  tell(type: string, data: unknown = '') {
    const event = { data: JSON.stringify(data) } as MessageEvent<string>;
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

let streams: FakeStream[] = [];
const open = () => {
  const stream = new FakeStream();
  streams.push(stream);
  return stream;
};
const ANY = { filter: '', kinds: [] };
const numbers = (tail: Tail) => tail.calls.map(({ span_id }) => Number.parseInt(span_id, 16));

beforeEach(() => {
  streams = [];
  vi.useFakeTimers();
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{"spans":[],"next":null}')));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the tail', () => {
  it('shows what arrives, the newest first and each once', () => {
    const tail = new Tail();
    tail.follow(ANY, open);
    streams[0]?.tell('open');
    for (const number of [1, 2, 2]) streams[0]?.tell('span', span(number));
    vi.advanceTimersByTime(200);
    streams[0]?.tell('span', span(2));
    streams[0]?.tell('span', span(3));
    vi.advanceTimersByTime(200);
    expect(tail.state).toBe('open');
    expect(numbers(tail)).toEqual([3, 2, 1]);
  });

  it('lets arrivals wait while paused, and counts them', () => {
    const tail = new Tail();
    tail.follow(ANY, open);
    streams[0]?.tell('span', span(1));
    vi.advanceTimersByTime(200);
    tail.pause(true);
    streams[0]?.tell('span', span(2));
    vi.advanceTimersByTime(200);
    expect(numbers(tail)).toEqual([1]);
    expect(tail.waiting).toBe(1);
    tail.pause(false);
    expect(numbers(tail)).toEqual([2, 1]);
    expect(tail.waiting).toBe(0);
  });

  it('keeps a bounded list, also of what waits', () => {
    const tail = new Tail();
    tail.follow(ANY, open);
    tail.pause(true);
    for (let i = 0; i < CALLS_MAX + 20; i += 1) streams[0]?.tell('span', span(i));
    expect(tail.waiting).toBe(CALLS_MAX + 20);
    tail.pause(false);
    expect(tail.calls).toHaveLength(CALLS_MAX);
    expect(tail.calls[0]?.span_id).toBe(idOf(CALLS_MAX + 19));
  });

  it('adds up what Weir left out, and tells the rate', () => {
    const tail = new Tail();
    tail.follow(ANY, open);
    streams[0]?.tell('skipped', { count: 7 });
    streams[0]?.tell('skipped', { count: 5 });
    for (let i = 0; i < 20; i += 1) streams[0]?.tell('span', span(i));
    vi.advanceTimersByTime(200);
    expect(tail.skipped).toBe(12);
    expect(tail.rate).toBe(2);
  });

  it('opens a refused connection again, later and later', async () => {
    const tail = new Tail();
    const stop = tail.follow(ANY, open);
    const refuse = () => {
      const stream = streams.at(-1);
      if (!stream) return;
      stream.readyState = 2;
      stream.tell('error');
    };
    streams[0]?.tell('open');
    refuse();
    expect(tail.state).toBe('lost');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(streams).toHaveLength(2);
    refuse();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(streams).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(streams).toHaveLength(3);
    streams.at(-1)?.tell('open');
    expect(tail.state).toBe('open');
    stop();
    expect(streams.at(-1)?.isClosed).toBe(true);
  });

  it('says why a condition was refused', async () => {
    const body = { error: { code: 'invalid_parameter', message: 'there is no tag `modle`' } };
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status: 400 })));
    const tail = new Tail();
    tail.follow({ filter: 'modle:x', kinds: [] }, open);
    const stream = streams[0];
    if (!stream) throw new Error('no stream was opened');
    stream.readyState = 2;
    stream.tell('error');
    await vi.advanceTimersByTimeAsync(0);
    expect(tail.state).toBe('refused');
    expect(tail.error?.message).toBe('there is no tag `modle`');
  });

  it('asks for kinds and a condition', () => {
    expect(tailUrl({ filter: 'team:a b', kinds: ['llm', 'rerank'] })).toBe(
      '/api/live?filter=team%3Aa+b&kinds=llm%2Crerank',
    );
    expect(tailUrl(ANY)).toBe('/api/live');
  });
});
