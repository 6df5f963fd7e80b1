// The cache's screen shows the hits that calls really had, leads to them, and forgets entries when it is told to.

import type { Page } from '@playwright/test';
import { faults } from './axe';
import { at, expectCare, expectNumbers, panel, settled } from './section';
import { expect, test, type Api, type FixedRange } from './weir';

const MINUTE_MS = 60_000;
/** Records reach the store a moment after their answers reach the client; on a busy machine the moment is long. */
const STORED = { timeout: 45_000 };

/** One call of a team; what Weir says that its cache had to do with it. */
async function ask(page: Page, team: string): Promise<string> {
  const response = await page.request.post('/v1/chat/completions', {
    headers: { authorization: `Bearer ${team}`, 'weir-team': team },
    data: {
      model: 'gpt-4o-mini',
      messages: [{ role: 'user', content: `Which cache entries has ${team}?` }],
    },
  });
  return response.headers()['weir-cache'] ?? `none (${response.status()})`;
}

/** A team of the test's own with two hits in the store, and a range that has them. */
async function teamWithHits(page: Page, api: Api): Promise<{ team: string; range: FixedRange }> {
  const team = `cache-test-${Date.now()}`;
  const { now_ms: nowMs } = await api.status();
  const fromMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
  const range = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 30 * MINUTE_MS).toISOString() };
  // The provider has bad moments; an answer that failed is not kept.
  await expect.poll(() => ask(page, team), STORED).toBe('exact');
  expect(await ask(page, team)).toBe('exact');
  const hits = () => api.value(`sum(custom.llm.cache_hit) where {team:${team}}`, range);
  await expect.poll(hits, STORED).toBe(2);
  return { team, range };
}

test('hits, their rate and what they saved are what the API answers, and lead to the calls', async ({ page, api }) => {
  const { team, range } = await teamWithHits(page, api);
  await page.goto(at('/cache', { ...range, team }));
  await settled(page);
  const within = `where {team:${team}}`;
  await expectNumbers(page, api, range, {
    'hit-rate': `rate(custom.llm.cache_hit) ${within}`,
    hits: `sum(custom.llm.cache_hit) ${within}`,
    saved: `sum(llm.cost.saved_usd{layer:cache}) ${within}`,
  });
  await expect(page.locator('[data-number="saved"] .value')).toContainText('$');
  const row = panel(page, 'served').locator('tr[data-row="gpt-4o-mini"]');
  await expect(row.locator('td').first()).toHaveText('2');
  await expect(panel(page, 'outcomes').locator('canvas')).toBeVisible();
  await row.getByRole('link').click();
  await expect(page).toHaveTitle('Traces · Weir');
  await expect(page.locator('tr[data-row]')).toHaveCount(2);
});

test('hits are told by team and app as well, and leave the page as CSV', async ({ page, api }) => {
  const { team, range } = await teamWithHits(page, api);
  await page.goto(at('/cache', { ...range, team }));
  await settled(page);
  await panel(page, 'served').getByRole('button', { name: 'Team', exact: true }).click();
  await expect(page).toHaveURL(/by=team/);
  await expect(panel(page, 'served').locator(`tr[data-row="${team}"]`)).toBeVisible();
  const started = page.waitForEvent('download');
  await panel(page, 'served').getByRole('button', { name: 'CSV' }).click();
  expect((await started).suggestedFilename()).toBe('cache-by-team.csv');
});

test('a purge forgets what a team had, and the audit log says who did it', async ({ page, api }) => {
  const { team } = await teamWithHits(page, api);
  await page.goto('/cache');
  await settled(page);
  await panel(page, 'since-start').getByRole('button', { name: 'Purge' }).click();
  const dialog = page.getByRole('dialog', { name: 'Purge the cache' });
  await expect(dialog.getByRole('button', { name: 'Purge', exact: true })).toBeDisabled();
  await dialog.getByRole('combobox', { name: 'Team' }).fill(team);
  await dialog.getByLabel('Your name').fill('ana');
  await dialog.getByRole('button', { name: 'Purge', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('status').filter({ hasText: '1 entry forgotten' })).toBeVisible();
  expect(await ask(page, team)).not.toBe('exact');
  const { entries } = await api.get<{ entries: { who: string; target: string; action: string }[] }>('/api/audit', {
    from: 'now-1h',
    to: 'now',
  });
  expect(entries.filter(({ who, target }) => who === 'ana' && target.includes(team))).toHaveLength(1);
});

test('a purge of all empties the cache', async ({ page, api }) => {
  await teamWithHits(page, api);
  await page.goto('/cache');
  await settled(page);
  await panel(page, 'since-start').getByRole('button', { name: 'Purge' }).click();
  const dialog = page.getByRole('dialog', { name: 'Purge the cache' });
  await dialog.getByRole('radio', { name: 'All' }).check();
  await dialog.getByRole('button', { name: 'Purge all' }).click();
  await expect(page.getByRole('status').filter({ hasText: /\d entr(y|ies) forgotten/ })).toBeVisible();
  // The demo goes on calling: a few new answers may be there already.
  await expect.poll(async () => Number(await page.locator('[data-number="entries"]').getAttribute('data-value'))).toBeLessThan(50);
});

test('a Weir without a cache says how to switch it on', async ({ page, api }) => {
  const report = await api.get<Record<string, unknown>>('/api/cache');
  await page.route('**/api/cache', (route) => route.fulfill({ json: { ...report, is_enabled: false } }));
  await page.goto(at('/cache', { from: '2001-01-01T00:00:00Z', to: '2001-01-01T01:00:00Z' }));
  await expect(page.getByRole('heading', { name: 'There is no cache' })).toBeVisible();
  await expect(page.getByRole('tabpanel')).toContainText('[cache]');
  await expect(page.getByRole('button', { name: 'Purge' })).toHaveCount(0);
  await expect(page.locator('[data-number]')).toHaveCount(0);
});

test('a cache that only observes shows what it would save', async ({ page, api }) => {
  const report = await api.get<Record<string, unknown>>('/api/cache');
  const observing = { ...report, is_enforcing: false, would_hit: 12 };
  await page.route('**/api/cache', (route) => route.fulfill({ json: observing }));
  await page.goto('/cache');
  await settled(page);
  await expect(page.locator('[data-number="would-save"]')).toBeVisible();
  await expect(panel(page, 'since-start').locator('[data-fact="would_hit"]')).toHaveText('12');
});

test('scopes of the cache of meanings say what they measured, and which may be too wrong', async ({ page, api }) => {
  const report = await api.get<Record<string, unknown>>('/api/cache');
  const scope = { team: 'payments', provider: 'openai', is_fixed: false, hits: 10, would_hit: 4, checks: 100, false_hits: 1 };
  const semantic = {
    is_enforcing: true,
    embedding_model: 'text-embedding-3-small',
    false_hits_max: 0.05,
    scope_count: 3,
    scopes: [
      { ...scope, model: 'gpt-4o', threshold: 0.93, false_hit_rate: 0.01, false_hit_rate_bound: 0.047 },
      { ...scope, model: 'gpt-4.1', threshold: 0.95, false_hit_rate: 0.04, false_hit_rate_bound: 0.09 },
      { ...scope, model: 'o4-mini', checks: 3 },
    ],
  };
  await page.route('**/api/cache', (route) => route.fulfill({ json: { ...report, semantic } }));
  await page.goto('/cache');
  await settled(page);
  const row = (model: string) => panel(page, 'scopes').locator(`tr[data-scope="payments, openai/${model}"]`);
  await expect(row('gpt-4o')).toContainText(/answers.*0\.930.*100.*1%.*at most 4\.7%/s);
  await expect(row('gpt-4o').locator('.bad')).toHaveCount(0);
  await expect(row('gpt-4.1').locator('.bad')).toContainText('4%');
  await expect(row('o4-mini')).toContainText('measures');
  expect(await faults(page)).toEqual([]);
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/cache');
});
