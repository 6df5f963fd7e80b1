// Cost shows what the API answers; its tables add up, leave the page as CSV, and print.

import { readFile } from 'node:fs/promises';
import { at, expectCare, expectNumbers, panel, settled } from './section';
import { expect, settledRange, test, type FixedRange } from './weir';

const MINUTE_MS = 60_000;

test('the big numbers equal what the API answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/cost', range));
  await settled(page);
  await expectNumbers(page, api, range, {
    spend: 'sum(llm.cost.usd)',
    'per-call': 'ratio(llm.cost.usd, llm.request.count)',
    tokens: 'sum(llm.tokens.total)',
    saved: 'sum(llm.cost.saved_usd)',
    'would-save': 'sum(llm.cost.would_save_usd)',
  });
});

for (const tag of ['model', 'team', 'app', 'agent']) {
  test(`spend by ${tag} equals what SQL answers, and adds up to all of it`, async ({ page, api }) => {
    const range = await settledRange(api, 60);
    await page.goto(at('/cost', range));
    await settled(page);
    const answer = await page.request.post('/api/sql', {
      data: {
        sql: `SELECT coalesce(${tag}, 'none') AS whom, sum(cost_nano_usd) / 1e9 AS usd FROM spans
          WHERE start_time >= epoch_ms(${Date.parse(range.from)}) AND start_time < epoch_ms(${Date.parse(range.to)})
          GROUP BY whom HAVING usd > 0`,
      },
    });
    const { rows } = (await answer.json()) as { rows: [string, number][] };
    const known = new Map(rows);
    const whole = rows.reduce((sum, [, usd]) => sum + usd, 0);
    let shown = 0;
    for (const row of await panel(page, `spend-${tag}`).locator('tr[data-group]').all()) {
      const amount = Number(await row.locator('[data-amount]').getAttribute('data-amount'));
      shown += amount;
      const name = (await row.getAttribute('data-group')) ?? '';
      if (name !== 'others') expect(amount, name).toBeCloseTo(known.get(name) ?? 0, 6);
    }
    expect(shown).toBeCloseTo(whole, 6);
  });
}

test('spend is stacked by what is chosen', async ({ page }) => {
  await page.goto('/cost');
  await settled(page);
  await panel(page, 'spend-over-time').getByRole('button', { name: 'Team', exact: true }).click();
  await expect(page).toHaveURL(/by=team/);
  await expect(panel(page, 'spend-over-time').locator('.measure')).toContainText('by team');
});

test('a name in a table narrows the page to it', async ({ page }) => {
  await page.goto('/cost');
  await settled(page);
  const link = panel(page, 'spend-team').getByRole('link').first();
  const team = await link.innerText();
  await link.click();
  await expect(page).toHaveURL(new RegExp(`team=${team}`));
  await expect(page.getByRole('button', { name: new RegExp(`Team ${team}`) })).toBeVisible();
});

test('a table leaves the page as CSV with all digits', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/cost', range));
  await settled(page);
  const started = page.waitForEvent('download');
  await panel(page, 'spend-model').getByRole('button', { name: 'CSV' }).click();
  const download = await started;
  expect(download.suggestedFilename()).toBe('spend-by-model.csv');
  const text = await readFile(await download.path(), 'utf8');
  const [head, ...lines] = text.trimEnd().split('\r\n');
  expect(head).toBe('Model,Spend (USD),Share,Spend before (USD)');
  const total = lines.reduce((sum, line) => sum + Number(line.split(',')[1]), 0);
  expect(total).toBeCloseTo((await api.value('sum(llm.cost.usd)', range)) ?? 0, 6);
});

test('the parts of the change add up to it', async ({ page, api }) => {
  const probe = await page.request.get('/api/cost/change?from=now-1h&to=now&by=model');
  test.skip(probe.status() === 404, 'this Weir does not explain changes');
  await page.goto(at('/cost', { ...(await settledRange(api, 60)), change: 'range' }));
  await settled(page);
  const usd = async (key: string) =>
    Number(await panel(page, 'change').locator(`tr[data-part="${key}"]`).getAttribute('data-usd'));
  const parts = await panel(page, 'change').locator('tr[data-part]').evaluateAll((rows) =>
    rows.slice(1, -1).reduce((sum, row) => sum + Number(row.getAttribute('data-usd')), 0),
  );
  expect((await usd('before')) + parts).toBeCloseTo(await usd('after'), 6);
});

test('savings by layer are what the API answers, those that are money apart from those that are not', async ({
  page,
  api,
}) => {
  // A range that ended a minute ago: the demo's past was written without layers, and its first savings are a few minutes old.
  const untilAMinuteAgo = async (): Promise<FixedRange> => {
    const { now_ms: nowMs } = await api.status();
    const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
    return { from: new Date(toMs - 60 * MINUTE_MS).toISOString(), to: new Date(toMs).toISOString() };
  };
  test.slow();
  await expect
    .poll(async () => (await api.value('sum(llm.cost.saved_usd)', await untilAMinuteAgo())) ?? 0, { timeout: 150_000 })
    .toBeGreaterThan(0);
  const range = await untilAMinuteAgo();
  await page.goto(at('/cost', range));
  await settled(page);
  const sum = panel(page, 'savings').locator('tr[data-layer]').last();
  const usd = async (place: number) =>
    Number(await sum.locator('[data-usd]').nth(place).getAttribute('data-usd'));
  expect(await usd(0)).toBeCloseTo((await api.value('sum(llm.cost.saved_usd)', range)) ?? 0, 6);
  expect(await usd(1)).toBeCloseTo((await api.value('sum(llm.cost.would_save_usd)', range)) ?? 0, 6);
  const started = page.waitForEvent('download');
  await panel(page, 'savings').getByRole('button', { name: 'CSV' }).click();
  const text = await readFile(await (await started).path(), 'utf8');
  expect(text.split('\r\n')[0]).toBe(
    'Layer,Saved (USD),"Saved, share of spend",Would be saved (USD),"Would be saved, share of spend"',
  );
});

test('the calls of a layer are a click away', async ({ page }) => {
  await page.goto(at('/cost', { from: 'now-24h', to: 'now' }));
  await settled(page);
  const link = panel(page, 'savings').locator('tr[data-layer] a').first();
  test.skip((await link.count()) === 0, 'no layer has saved anything yet');
  await link.click();
  await expect(page).toHaveTitle(/^(Explore|Traces) · Weir$/);
  await expect(page.locator('main table tbody tr').first()).toBeVisible();
});

test('the month shows what it will come to, or why nobody knows', async ({ page }) => {
  const probe = await page.request.get('/api/cost/forecast');
  test.skip(probe.status() === 404, 'this Weir makes no forecasts');
  await page.goto('/cost');
  await settled(page);
  const answer = (await probe.json()) as { projected_usd: number | null; reason?: string | null };
  if (answer.projected_usd === null) await expect(panel(page, 'forecast')).toContainText(answer.reason ?? '');
  else await expect(panel(page, 'forecast').locator('[data-projected]')).toContainText('$');
});

test('the report prints without what only a screen needs', async ({ page }) => {
  await page.goto('/cost');
  await settled(page);
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('navigation')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Print report' })).toBeHidden();
  await expect(page.getByRole('group', { name: 'Filters' })).toBeHidden();
  await expect(panel(page, 'spend-team')).toBeVisible();
  await expect(page.getByText(/^Cost, /)).toBeVisible();
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/cost');
});
