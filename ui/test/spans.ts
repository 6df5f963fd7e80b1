// A span for tests, with nothing stated but what a test states.

import type { Span } from '../src/api/types';

/** The span with this number, made of `changes`. */
export function span(number: number, changes: Partial<Span> = {}): Span {
  return {
    start_ms: 1_000 + number,
    duration_ms: 10,
    trace_id: 'a'.repeat(32),
    span_id: idOf(number),
    parent_id: null,
    kind: 'llm',
    name: `span ${number}`,
    source: 'gateway',
    status: 'ok',
    error_type: null,
    error_message: null,
    http_status: null,
    provider: null,
    model: null,
    response_model: null,
    team: null,
    app: null,
    agent: null,
    session: null,
    user: null,
    env: null,
    service: null,
    key_id: null,
    client: null,
    response_id: null,
    same_as: null,
    tokens: { input: null, output: null, cache_read: null, cache_write: null, reasoning: null },
    tokens_estimated: false,
    cost_usd: null,
    cost_nano_usd: null,
    price_version: null,
    ttft_ms: null,
    stream: false,
    finish_reason: null,
    cache: null,
    saved_usd: null,
    policy: [],
    input: null,
    output: null,
    documents: null,
    tools: null,
    attributes: null,
    ...changes,
  };
}

/** The id of a span by its number. */
export function idOf(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** Tokens of a call. */
export function tokens(input: number | null, output: number | null): Span['tokens'] {
  return { input, output, cache_read: null, cache_write: null, reasoning: null };
}
