// Monitors, judged by the running Weir: one that surely fires on the demo's traffic is defined for these tests.

import type { components } from '../../../ui/src/api/schema';
import { faults } from './axe';
import { at, expectCare, panel, settled } from './section';
import { expect, test, type Api } from './weir';

type MonitorList = components['schemas']['MonitorList'];
type MonitorDetail = components['schemas']['MonitorDetail'];
type AlertList = components['schemas']['AlertList'];

/** Fires for each model that is called at all. */
const BUSY = 'browser-test-busy';
const CONDITION = 'sum(llm.request.count) by model > 0 over 5m';
/** A minute for new groups, a minute for a tick, and what a loaded machine needs. */
const JUDGED_WITHIN_MS = 300_000;

const busyPath = `/monitors/${BUSY}`;

async function busyAlerts(api: Api): Promise<AlertList['alerts']> {
  const { alerts } = await api.get<AlertList>('/api/alerts');
  return alerts.filter(({ monitor }) => monitor === BUSY);
}

test.beforeAll(async ({ playwright, baseURL }) => {
  test.setTimeout(JUDGED_WITHIN_MS + 30_000);
  const context = await playwright.request.newContext({ baseURL: baseURL ?? '' });
  const entry = { condition: CONDITION, severity: 'critical', message: '{model} is busy: {value} calls' };
  const saved = await context.put(`/api/monitors/${BUSY}`, { data: { entry, by: 'browser test' } });
  expect(saved.status(), await saved.text()).toBe(200);
  await expect
    .poll(
      async () => {
        const { groups } = (await (await context.get(`/api/monitors/${BUSY}`)).json()) as MonitorDetail;
        return groups.filter(({ state }) => state === 'alert').length;
      },
      { timeout: JUDGED_WITHIN_MS },
    )
    .toBeGreaterThan(1);
  await context.dispose();
});

test.afterAll(async ({ playwright, baseURL }) => {
  const context = await playwright.request.newContext({ baseURL: baseURL ?? '' });
  await context.delete(`/api/monitors/${BUSY}/saved`);
  const { silences } = (await (await context.get('/api/silences')).json()) as { silences: { id: string }[] };
  for (const { id } of silences) await context.delete(`/api/silences/${id}`);
  await context.dispose();
});

test('the list has every monitor as the API says it is', async ({ page, api }) => {
  await page.goto(at('/monitors', { refresh: 'off' }));
  await settled(page);
  const { monitors } = await api.get<MonitorList>('/api/monitors');
  expect(monitors.length).toBeGreaterThan(7);
  for (const { name, condition } of monitors) {
    const row = page.locator(`[data-monitor="${name}"]`);
    await expect(row).toContainText(condition);
    await expect(row.locator('[data-state]')).toBeVisible();
  }
  // The worst first.
  await expect(page.locator('[data-monitor] [data-state]').first()).toHaveAttribute('data-state', 'alert');
});

test('what is looked for is in the address', async ({ page }) => {
  await page.goto('/monitors');
  await settled(page);
  await page.getByRole('searchbox', { name: 'Search monitors' }).fill('latency');
  await expect(page).toHaveURL(/q=latency/);
  await expect(page.locator('[data-monitor]')).toHaveCount(1);
  await page.reload();
  await expect(page.locator('[data-monitor="p95-latency-per-model"]')).toBeVisible();
  await expect(page.locator('[data-monitor]')).toHaveCount(1);
  await page.goto('/monitors?state=alert');
  await expect(page.locator(`[data-monitor="${BUSY}"]`)).toBeVisible();
  await expect(page.locator('[data-monitor] [data-state]:not([data-state="alert"])')).toHaveCount(0);
  await page.getByRole('searchbox', { name: 'Search monitors' }).fill('no such thing');
  await page.getByRole('button', { name: 'Show all' }).click();
  await expect(page.locator(`[data-monitor="${BUSY}"]`)).toBeVisible();
});

test('what is not well is counted in the navigation and listed on Overview and Health', async ({ page, api }) => {
  const alerts = await busyAlerts(api);
  for (const path of ['/', '/health', '/monitors']) {
    await page.goto(path);
    await expect(panel(page, 'active-alerts')).toContainText(BUSY);
    await expect(panel(page, 'active-alerts')).toContainText('is busy');
  }
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /^Monitors/ });
  await expect(link).toContainText(/alerts? (is|are) open/);
  expect(alerts.length).toBeGreaterThan(1);
});

test('a monitor has its groups, its chart with the level, its history, and a call to look at', async ({ page, api }) => {
  await page.goto(busyPath);
  await settled(page);
  const { groups } = await api.get<MonitorDetail>(`/api/monitors/${BUSY}`);
  const rows = page.locator('[data-group]');
  await expect(rows).toHaveCount(groups.length);
  const judged = panel(page, 'judged');
  await expect(judged.getByRole('slider')).toBeVisible();
  await expect(judged).toContainText('Level of alert: 0.');
  await expect(judged.getByRole('img').first()).toHaveAttribute('aria-label', /not well for/);
  await expect(panel(page, 'history').getByRole('row').nth(1)).toContainText('is busy');
  const bad = rows.filter({ has: page.locator('[data-state="alert"]') }).first();
  const key = (await bad.getAttribute('data-group')) ?? '';
  await bad.getByRole('rowheader').getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`group=${key.replaceAll('.', '\\.')}`));
  await expect(judged.getByRole('slider')).toHaveAttribute('data-series', '1');
  await bad.getByRole('link', { name: /^Look at a call/ }).click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
});

test('somebody looks after an alert, and others see who', async ({ page, api }) => {
  await page.goto(at('/monitors', { refresh: 'off' }));
  const row = panel(page, 'active-alerts').getByRole('row').filter({ hasText: BUSY }).first();
  await row.getByRole('button', { name: /^Acknowledge/ }).click();
  await page.getByLabel('Your name').fill('Ana');
  await page.getByLabel('A word to others').fill('on it');
  await page.getByRole('button', { name: 'I look after it' }).click();
  await expect(panel(page, 'active-alerts')).toContainText('Ana looks after it');
  const acknowledged = (await busyAlerts(api)).filter(({ group }) => group.acknowledged?.by === 'Ana');
  expect(acknowledged).toHaveLength(1);
  expect(acknowledged[0]?.group.acknowledged?.note).toBe('on it');
});

test('alerts are silenced for a while, and told again when the silence is ended', async ({ page, api }) => {
  await page.goto(at(busyPath, { refresh: 'off' }));
  await settled(page);
  await page.getByRole('button', { name: 'Silence…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Silence alerts' });
  await expect(dialog.getByLabel('Which alerts')).toHaveValue(`monitor:${BUSY}`);
  expect(await faults(page), 'the dialog').toEqual([]);
  await dialog.getByLabel('Which alerts').fill('monitor:(');
  await dialog.getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await dialog.getByLabel('Which alerts').fill(`monitor:${BUSY}`);
  await dialog.getByRole('radio', { name: '4 hours' }).check();
  await dialog.getByLabel('Why').fill('the browser test');
  await dialog.getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('link', { name: 'silenced' }).first()).toBeVisible();
  expect((await busyAlerts(api)).every(({ group }) => group.silenced_by.length === 1)).toBe(true);

  await page.goto('/monitors?tab=silences');
  const silence = page.locator('[data-silence]').filter({ hasText: BUSY });
  await expect(silence).toContainText('in force');
  await silence.getByRole('button', { name: /^End/ }).click();
  await silence.getByRole('button', { name: /^Press again to end/ }).click();
  await expect(silence).toHaveCount(0);
  expect((await busyAlerts(api)).every(({ group }) => group.silenced_by.length === 0)).toBe(true);
});

// Refused scopes are answered with 400, which the browser notes.
test.describe('with mistakes', () => {
  test.afterEach(({ complaints }) => {
    for (const complaint of complaints.splice(0)) expect(complaint).toMatch(/40[04]/);
  });

  test('a new monitor is written with its mistakes at their place, tried on what was, saved and deleted', async ({
    page,
    api,
  }) => {
    test.slow();
    const name = `browser-test-${Date.now()}`;
    await page.goto(at('/edit-monitor', { from: 'now-6h', condition: 'p95(llm.request.duration) by modle > 1ms' }));
    await page.getByLabel('Name', { exact: true }).fill(name);
    await expect(page.locator('.cm-lintRange-error')).toHaveText('modle');
    await expect(page.getByRole('form').getByRole('alert')).toContainText('did you mean');
    await page.locator('.cm-content').click();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('p95(llm.request.duration) by model > 1ms over 10m');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('region', { name: 'What it means' })).toContainText('the last 10m');
    await page.getByLabel('Message').fill('{model} needs {value}ms');
    await page.getByRole('button', { name: 'Try it on this range' }).click();
    await expect(page.locator('[data-panel="tried"]').getByRole('slider')).toBeVisible({ timeout: 60_000 });
    await expect(page.locator('[data-panel="tried"]')).toContainText('Level of warning: 1 ms.');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page).toHaveURL(new RegExp(`/monitors/${name}`));
    const { monitors } = await api.get<MonitorList>('/api/monitors');
    expect(monitors.find((monitor) => monitor.name === name)?.defined_in).toBe('dashboard');
    await page.getByRole('link', { name: 'Edit', exact: true }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Press again' }).click();
    await expect(page).toHaveURL(/\/monitors(\?|$)/);
    await expect(page.locator(`[data-monitor="${name}"]`)).toHaveCount(0);
  });

  test('a monitor that does not exist says so', async ({ page }) => {
    await page.goto('/monitors/nothing-of-that-name');
    await expect(page.getByRole('alert')).toContainText('nothing-of-that-name');
    await page.getByRole('link', { name: 'All monitors' }).click();
    await expect(panel(page, 'monitors')).toBeVisible();
  });
});

test('a threshold of a bundled monitor is moved and taken back', async ({ page, api }) => {
  const name = 'error-rate-spike';
  const threshold = async () =>
    (await api.get<MonitorDetail>(`/api/monitors/${name}`)).monitor.critical;
  const before = await threshold();
  await page.goto(at('/edit-monitor', { monitor: name, from: 'now-6h' }));
  await page.getByLabel('Threshold', { exact: true }).fill('40%');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/monitors/${name}`));
  expect(await threshold()).toBeCloseTo(0.4);
  await expect(page.locator('main')).toContainText('changed here');
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: 'Back to the file' }).click();
  await page.getByRole('button', { name: 'Press again' }).click();
  await expect(page).toHaveURL(new RegExp(`/monitors/${name}`));
  expect(await threshold()).toBe(before);
  const audit = await api.get<{ entries: { action: string; target: string }[] }>('/api/audit', { action: 'monitor.' });
  expect(audit.entries.slice(0, 2).map(({ action, target }) => `${action} ${target}`)).toEqual([
    `monitor.forget ${name}`,
    `monitor.save ${name}`,
  ]);
});

test('charts of Health have the thresholds of the monitors on the same values', async ({ page }) => {
  await page.goto('/health');
  await settled(page);
  await expect(panel(page, 'latency-by-model')).toContainText('Level of p95-latency-per-model: warning: 5.00 s.');
  await page.goto('/health?percentile=p99');
  await settled(page);
  await expect(panel(page, 'latency-by-model')).not.toContainText('p95-latency-per-model');
});

test('an expression of Explore becomes a monitor', async ({ page }) => {
  await page.goto(at('/explore', { expr: 'sum(llm.cost.usd) by team' }));
  await page.getByRole('link', { name: 'Save as monitor' }).click();
  await expect(page).toHaveURL(/\/edit-monitor/);
  await expect(page.locator('.cm-content')).toHaveText('sum(llm.cost.usd) by team');
});

test('the keyboard goes to the monitors, and the palette to one of them', async ({ page }) => {
  await page.goto('/settings');
  await page.locator('main').focus();
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await expect(page).toHaveURL(/\/monitors/);
  await page.keyboard.press('ControlOrMeta+k');
  await page.getByRole('combobox', { name: 'Go to or do' }).fill('hallucination');
  await page.getByRole('option', { name: /hallucination-proxy/ }).click();
  await expect(page).toHaveURL(/\/monitors\/hallucination-proxy/);
});

test('a list that cannot be had says why, and is asked for again', async ({ page, complaints }) => {
  let broken = true;
  await page.route('**/api/monitors', (route) =>
    broken
      ? route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'the disk is full' } } })
      : route.continue(),
  );
  await page.goto(at('/monitors', { refresh: 'off' }));
  await expect(panel(page, 'monitors').getByRole('alert')).toContainText('the disk is full');
  broken = false;
  await panel(page, 'monitors').getByRole('button', { name: 'Try again' }).click();
  await expect(page.locator(`[data-monitor="${BUSY}"]`)).toBeVisible();
  expect(complaints.splice(0)).toEqual([expect.stringContaining('500')]);
});

for (const [what, path] of [
  ['the list', '/monitors'],
  ['the silences', '/monitors?tab=silences'],
  ['one monitor', busyPath],
  ['the editor', '/edit-monitor?monitor=p95-latency-per-model'],
] as const) {
  test(`${what} is without faults in both themes and at every width`, async ({ page }) => {
    test.slow();
    await expectCare(page, path);
  });
}
