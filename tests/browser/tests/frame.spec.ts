// The frame of every page: navigation, keys, palette, comparison, saved views.

import { faults } from './axe';
import { at, panel, settled } from './section';
import { expect, loaded, settledRange, test } from './weir';

const PAGES = [
  'Overview',
  'Health',
  'Quality',
  'Cost',
  'Security',
  'Traces',
  'Live',
  'Explore',
  'Dashboards',
  'Budgets',
  'Cache',
  'Coverage',
  'Settings',
];

test('every page of the navigation opens, with its own title, and is marked as open', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  for (const title of PAGES) {
    const link = page.getByRole('navigation').getByRole('link', { name: title, exact: true });
    await link.click();
    await expect(page).toHaveTitle(`${title} · Weir`);
    await expect(link).toHaveAttribute('aria-current', 'page');
    await expect(page.getByRole('heading', { name: title, level: 1 })).toBeAttached();
  }
});

test('time and filters stay when one goes to another page, and choices of one page do not', async ({ page }) => {
  await page.goto(at('/health', { from: 'now-6h', to: 'now', model: 'gpt-4o', percentile: 'p99' }));
  await settled(page);
  await page.getByRole('navigation').getByRole('link', { name: 'Cost', exact: true }).click();
  const params = new URL(page.url()).searchParams;
  expect(params.get('from')).toBe('now-6h');
  expect(params.get('model')).toBe('gpt-4o');
  expect(params.has('percentile')).toBe(false);
  await page.goBack();
  await expect(page).toHaveURL(/health.*percentile=p99/);
});

test('g and a letter go to a page, and ? lists the keys', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await expect(page).toHaveTitle('Health · Weir');
  await settled(page);
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await expect(help).toBeVisible();
  await expect(help.getByText('Commands')).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
});

test('letters in a field are text', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  await page.getByRole('button', { name: 'Team', exact: true }).click();
  await page.getByLabel('Search values of team').fill('');
  await page.keyboard.type('gh?');
  await expect(page.getByLabel('Search values of team')).toHaveValue('gh?');
  await expect(page).toHaveTitle('Overview · Weir');
});

test('the palette finds pages, ranges, traces and words of prompts', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Go to or do' });
  await expect(field).toBeFocused();
  await expect(page.getByRole('option').first()).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await field.fill('6 hours');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/from=now-6h/);
  await page.keyboard.press('Control+k');
  await field.fill('secu');
  await page.keyboard.press('Enter');
  await expect(page).toHaveTitle('Security · Weir');
  await page.keyboard.press('Control+k');
  await field.fill('0123456789abcdef0123456789abcdef');
  await expect(page.getByRole('option', { name: /Trace 0123/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(field).toHaveCount(0);
});

test('a comparison draws the time before and is part of the address', async ({ page, api }) => {
  await page.goto(at('/', await settledRange(api, 30)));
  await loaded(page);
  await page.getByLabel('Compare with').selectOption('previous');
  await expect(page).toHaveURL(/compare=previous/);
  const rate = panel(page, 'request-rate');
  await expect(rate.getByText('prev. 30 minutes')).toBeVisible();
  await rate.getByRole('button', { name: 'Request rate as a table' }).click();
  await expect(rate.getByRole('columnheader')).toHaveText(['Time', 'Requests', 'Requests, prev. 30 minutes']);
  const before = await rate.locator('tbody tr td:last-child').allInnerTexts();
  expect(before.some((text) => /\d/.test(text))).toBe(true);
});

test('a view is saved, listed, opened and removed', async ({ page }) => {
  const probe = await page.request.get('/api/documents?kind=view');
  test.skip(probe.status() === 404, 'this Weir keeps no documents');
  const name = `Slow models ${Date.now()}`;
  await page.goto(at('/health', { from: 'now-6h', to: 'now', percentile: 'p99' }));
  await settled(page);
  await page.getByRole('button', { name: 'Saved views' }).click();
  await page.getByLabel('Name of the view').fill(name);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const link = page.getByRole('link', { name, exact: true });
  await expect(link).toBeVisible();
  expect(await faults(page)).toEqual([]);
  await page.goto('/');
  await page.getByRole('button', { name: 'Saved views' }).click();
  await link.click();
  await expect(page).toHaveURL(/health\?.*percentile=p99/);
  await page.getByRole('button', { name: 'Saved views' }).click();
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await expect(link).toHaveCount(0);
});

test('a page that cannot be loaded says so', async ({ page, complaints }) => {
  await page.goto('/');
  await loaded(page);
  await page.route(/\/assets\/Security-.*\.js/, (route) => route.abort());
  await page.getByRole('navigation').getByRole('link', { name: 'Security', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('could not be loaded');
  expect(complaints.splice(0).length).toBeGreaterThan(0);
});

test('leaving a page gives up what it asked', async ({ page }) => {
  const aborted: string[] = [];
  page.on('requestfailed', (request) => aborted.push(request.url()));
  await page.route('**/api/query?*duration*', () => undefined);
  await page.goto('/health');
  await expect(panel(page, 'latency-by-model')).toBeVisible();
  await expect(panel(page, 'error-rate-over-time').locator('canvas')).toBeVisible();
  await page.getByRole('navigation').getByRole('link', { name: 'Settings', exact: true }).click();
  await expect.poll(() => aborted.some((url) => url.includes('duration'))).toBe(true);
});

test('settings are accessible, and a key is made, shown once and revoked', async ({ page }) => {
  await page.goto('/settings');
  await expect(page.getByRole('heading', { name: 'Keys' })).toBeVisible();
  expect(await faults(page)).toEqual([]);
  const name = `test ${Date.now()}`;
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Team').fill('payments');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'shown this once' })).toBeVisible();
  await page.getByRole('button', { name: 'Done' }).click();
  const row = page.getByRole('row', { name: new RegExp(name) });
  await expect(row).toContainText('payments');
  await row.getByRole('button', { name: 'Revoke' }).click();
  await row.getByRole('button', { name: 'Press again to revoke' }).click();
  await expect(row).toContainText('revoked');
});
