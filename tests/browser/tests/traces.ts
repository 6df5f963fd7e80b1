// What the tests of traces, live and Explore share: addresses, rows of virtual tables, and traces made up in the test.

import type { Locator, Page } from '@playwright/test';
import type { Span } from './weir';

/** The address of a page. */
export function at(path: string, params: Record<string, string | string[]> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, one);
  }
  return `${path}?${search}`;
}

/** The rows of a table that exist now: those in sight and some around them. */
export function rows(page: Page): Locator {
  return page.locator('tr[data-row]');
}

/** The names of the first rows. */
export async function firstRows(page: Page, count: number): Promise<string[]> {
  const all = await rows(page).evaluateAll((found) => found.map((row) => row.getAttribute('data-row') ?? ''));
  return all.slice(0, count);
}

/** The id of a span by its number. */
export function idOf(number: number): string {
  return (number + 1).toString(16).padStart(16, '0');
}

export const MADE_UP = 'c0ffee'.padEnd(32, '0');

/** A span of a made-up trace. */
export function madeUp(number: number, changes: Partial<Span> = {}): Span {
  return {
    start_ms: Date.UTC(2026, 10, 23, 12) + number,
    duration_ms: 50,
    trace_id: MADE_UP,
    span_id: idOf(number),
    parent_id: number === 0 ? null : idOf(0),
    kind: number === 0 ? 'agent' : 'llm',
    name: `step ${number}`,
    source: 'gateway',
    status: 'ok',
    error_type: null,
    error_message: null,
    http_status: 200,
    provider: 'openai',
    model: 'gpt-4o',
    response_model: null,
    team: null,
    app: 'made-up',
    agent: null,
    session: null,
    user: null,
    env: null,
    service: null,
    key_id: null,
    client: null,
    response_id: null,
    same_as: null,
    tokens: { input: 100, output: 10, cache_read: null, cache_write: null, reasoning: null },
    tokens_estimated: false,
    cost_usd: 0.001,
    cost_nano_usd: '1000000',
    price_version: null,
    ttft_ms: 20,
    stream: true,
    finish_reason: 'stop',
    cache: null,
    saved_usd: null,
    policy: [],
    input: JSON.stringify([{ role: 'user', content: `question ${number}` }]),
    output: JSON.stringify([{ role: 'assistant', content: `answer ${number}` }]),
    documents: null,
    tools: null,
    attributes: null,
    ...changes,
  };
}

/** Answers the made-up trace in place of Weir. */
export async function serveTrace(page: Page, spans: Span[], scores: unknown[] = []): Promise<void> {
  await page.route(`**/api/traces/${MADE_UP}`, (route) => route.fulfill({ json: { spans, scores } }));
}
