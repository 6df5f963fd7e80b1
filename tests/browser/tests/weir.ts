// What the tests share: a page that may not complain, the API asked directly, and ranges that hold still.

import { test as base, expect, type Locator, type Page } from '@playwright/test';
import type { components, paths } from '../../../ui/src/api/schema';

export type Span = components['schemas']['SpanItem'];
export type Answer = components['schemas']['QueryAnswer'];
type InstantAnswer = components['schemas']['InstantQueryAnswer'];
type Status = components['schemas']['ServerStatus'];

const MINUTE_MS = 60_000;

/** Asks the API without the page. */
export class Api {
  constructor(private readonly page: Page) {}

  async get<T>(path: string, params: Record<string, string> = {}): Promise<T> {
    const response = await this.page.request.get(path, { params });
    expect(response.status(), `${path} ${JSON.stringify(params)}`).toBe(200);
    return (await response.json()) as T;
  }

  /** The only value of an expression over a range. */
  async value(expr: string, range: FixedRange): Promise<number | null> {
    const answer = await this.get<InstantAnswer>('/api/query/instant' satisfies keyof paths, { expr, ...range });
    return answer.values[0]?.value ?? null;
  }

  status(): Promise<Status> {
    return this.get('/api/status' satisfies keyof paths);
  }
}

/** Both ends as the API and the address write them. */
export interface FixedRange extends Record<string, string> {
  from: string;
  to: string;
}

/** A range that ended before the last calls, so that its numbers do not change while they are compared. */
export async function settledRange(api: Api, minutes: number): Promise<FixedRange> {
  const { now_ms: nowMs } = await api.status();
  const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - 5 * MINUTE_MS;
  return { from: new Date(toMs - minutes * MINUTE_MS).toISOString(), to: new Date(toMs).toISOString() };
}

/** The address of the Overview. */
export function overview(params: Record<string, string> = {}): string {
  return `/?${new URLSearchParams(params)}`;
}

/** Waits until every panel has its answer. */
export async function loaded(page: Page): Promise<void> {
  await expect(plot(page, 'request-rate')).toBeVisible();
  await expect(page.locator('.skeleton')).toHaveCount(0);
  await expect(page.locator('[data-call]').first()).toBeVisible();
}

/** The drawing of a panel. */
export function plot(page: Page, panel: string): Locator {
  return page.locator(`[data-panel="${panel}"] [role="slider"]`);
}

/** A test whose page must not write errors or warnings to the console, throw, or break its content policy. */
export const test = base.extend<{ api: Api; complaints: string[] }>({
  api: async ({ page }, use) => use(new Api(page)),
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
