// What the page does when answers are late, wrong or missing, and how it keeps itself fresh.

import { expect, loaded, overview, test } from './weir';

test('a panel whose question fails says why, leaves the others alone, and recovers', async ({ page, complaints }) => {
  let broken = true;
  const refusal = { error: { code: 'internal', message: 'the disk is full', hint: 'make room' } };
  await page.route('**/api/query?*p95*duration*', (route) =>
    broken ? route.fulfill({ status: 500, json: refusal }) : route.continue(),
  );
  await page.goto(overview({ refresh: 'off' }));
  const panel = page.locator('[data-panel="latency-over-time"]');
  await expect(panel.getByRole('alert')).toContainText('the disk is full');
  await expect(panel.getByRole('alert')).toContainText('make room');
  await expect(page.locator('[data-panel="request-rate"] canvas')).toBeVisible();
  broken = false;
  await panel.getByRole('button', { name: 'Try again' }).click();
  await expect(panel.locator('canvas')).toBeVisible();
  await expect(panel.getByRole('alert')).toHaveCount(0);
  // The browser itself notes the failures that this test makes.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('500')]);
});

test('numbers that could not be refreshed stay, marked as old', async ({ page, complaints }) => {
  await page.goto(overview({ refresh: 'off' }));
  await loaded(page);
  await page.route('**/api/query?*', (route) => route.abort());
  await page.getByRole('button', { name: 'Refresh now' }).click();
  const panel = page.locator('[data-panel="request-rate"]');
  await expect(panel.getByRole('alert')).toContainText('Weir cannot be reached');
  await expect(panel.locator('canvas')).toBeVisible();
  expect(complaints.splice(0).every((text) => text.includes('ERR_FAILED'))).toBe(true);
});

test('a Weir without any call shows how to send the first one, and the page comes alive with it', async ({ page, api }) => {
  const status = await api.status();
  let empty = true;
  await page.route('**/api/status', (route) =>
    route.fulfill({ json: empty ? { ...status, first_span_at_ms: null, last_span_at_ms: null } : status }),
  );
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Send the first call' })).toBeVisible();
  const address = `http://${status.listen[0]}`;
  for (const client of ['OpenAI, Python', 'OpenAI, JavaScript', 'Anthropic, Python', 'LangChain', 'curl']) {
    await page.getByRole('tab', { name: client }).click();
    await expect(page.getByRole('tabpanel')).toContainText(address);
  }
  empty = false;
  await loaded(page);
});

test('a Weir with an admin token asks for it before it shows anything', async ({ page, api, complaints }) => {
  const status = await api.status();
  let given: unknown;
  const refusal = { error: { code: 'unauthorized', message: 'this weir needs its admin token' } };
  await page.route('**/api/status', (route) =>
    given === undefined ? route.fulfill({ status: 401, json: refusal }) : route.fulfill({ json: status }),
  );
  await page.route('**/api/session', async (route) => {
    given = route.request().postDataJSON();
    await route.fulfill({ status: 204 });
  });
  await page.goto('/');
  await expect(page.locator('[data-panel]')).toHaveCount(0);
  await page.getByLabel('Admin token').fill('sesame');
  await page.getByRole('button', { name: 'Log in' }).click();
  await loaded(page);
  expect(given).toEqual({ token: 'sesame' });
  expect(complaints.splice(0).every((text) => text.includes('401'))).toBe(true);
});

test('a range without calls says so in every panel', async ({ page }) => {
  await page.goto(overview({ from: '2001-01-01T00:00:00Z', to: '2001-01-01T01:00:00Z' }));
  await expect(page.locator('[data-panel="latency-over-time"]')).toContainText('No calls in this range');
  await expect(page.locator('[data-panel="errors"]')).toContainText('No errors in this range');
  await expect(page.locator('[data-panel="spend-by-model"]')).toContainText('Nothing was spent in this range');
  await expect(page.locator('[data-panel="calls"]')).toContainText('No calls here');
  await expect(page.locator('[data-number="latency"] .value')).toHaveText('–');
});

test('an address that makes no sense shows the last hour', async ({ page }) => {
  await page.goto(overview({ from: 'soon', to: 'later', refresh: 'never', call: 'x', at: 'y' }));
  await loaded(page);
  await expect(page.getByRole('button', { name: 'Time range: Last hour' })).toBeVisible();
});

test('a path that is no page says so', async ({ page }) => {
  await page.goto('/nowhere');
  await expect(page.getByRole('heading', { name: 'There is no page here' })).toBeVisible();
  await page.getByRole('link', { name: 'Go to the Overview' }).click();
  await loaded(page);
});

test('the page refreshes by itself, and rests while its tab is hidden', async ({ page }) => {
  await page.clock.install();
  await page.goto(overview({ refresh: '5s' }));
  await loaded(page);
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().includes('/api/spans?')) asked += 1;
  });
  await page.clock.runFor(5_500);
  await expect.poll(() => asked).toBe(1);
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
  await page.clock.runFor(30_000);
  expect(asked).toBe(1);
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await expect.poll(() => asked).toBe(2);
});

test('an answer that nobody waits for any more is not waited for', async ({ page }) => {
  const aborted: string[] = [];
  page.on('requestfailed', (request) => aborted.push(request.failure()?.errorText ?? ''));
  let slow = true;
  await page.route('**/api/query?*first_token*', async (route) => {
    if (!slow) return route.continue();
    // Never answered: only giving up ends it.
  });
  await page.goto('/');
  await expect(page.locator('[data-panel="request-rate"] canvas')).toBeVisible();
  slow = false;
  await page.getByRole('button', { name: 'Time range: Last hour' }).click();
  await page.getByRole('button', { name: 'Last 15 minutes' }).click();
  await loaded(page);
  expect(aborted.filter((text) => text === 'net::ERR_ABORTED').length).toBeGreaterThanOrEqual(3);
});
