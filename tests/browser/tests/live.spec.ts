// Calls as they happen.

import { faults } from './axe';
import { at, rows } from './traces';
import { expect, test } from './weir';

test('calls appear as they happen, the newest first', async ({ page }) => {
  await page.goto('/live');
  await expect(page.locator('[data-state="open"]')).toBeVisible();
  await expect(rows(page).first()).toBeVisible();
  const before = await rows(page).first().getAttribute('data-row');
  await expect.poll(() => rows(page).first().getAttribute('data-row')).not.toBe(before);
});

test('a pause holds the list and counts what waits', async ({ page }) => {
  await page.goto('/live');
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.locator('[data-state="paused"]')).toBeVisible();
  const held = await rows(page).evaluateAll((found) => found.map((row) => row.getAttribute('data-row')));
  const waiting = page.getByRole('button', { name: /\d+ new calls?/ });
  await expect(waiting).toBeVisible();
  expect(await rows(page).evaluateAll((found) => found.map((row) => row.getAttribute('data-row')))).toEqual(held);
  await waiting.click();
  await expect(waiting).toHaveCount(0);
  await expect.poll(() => rows(page).first().getAttribute('data-row')).not.toBe(held[0]);
});

test('a condition narrows the stream, and a wrong one says why', async ({ page, complaints }) => {
  await page.goto(at('/live', { filter: 'kind:embedding' }));
  await expect(rows(page).first()).toBeVisible();
  const kinds = await rows(page).locator('td:nth-child(3)').allInnerTexts();
  expect(new Set(kinds)).toEqual(new Set(['embedding']));
  const condition = page.getByRole('searchbox', { name: 'Condition on calls' });
  await condition.fill('kind:');
  await condition.press('Enter');
  await expect(page.locator('[data-state="refused"]')).toBeVisible();
  await expect(page.getByRole('alert')).toBeVisible();
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('400');
});

test('a click opens the call beside the list', async ({ page }) => {
  await page.goto('/live');
  // The oldest of several: the newest may not be in the store yet.
  await expect.poll(() => rows(page).count()).toBeGreaterThan(3);
  await rows(page).last().click();
  await expect(page).toHaveURL(/call=[0-9a-f]{32}\/[0-9a-f]{16}/);
  await expect(page.getByRole('dialog').getByRole('tab', { name: 'Raw JSON' })).toBeVisible();
});

test('a lost connection is said and made again', async ({ page, complaints }) => {
  let refused = 0;
  await page.route('**/api/live**', (route) => {
    refused += 1;
    return refused === 1 ? route.fulfill({ status: 503, body: '' }) : route.continue();
  });
  await page.goto('/live');
  await expect(page.locator('[data-state="lost"]')).toBeVisible();
  await expect(page.locator('[data-state="open"]')).toBeVisible();
  await expect(rows(page).first()).toBeVisible();
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('503');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('axe finds nothing on the live page', async ({ page }) => {
      await page.goto('/live');
      await expect(rows(page).first()).toBeVisible();
      await page.getByRole('button', { name: 'Pause' }).click();
      await expect(page.getByRole('button', { name: /\d+ new calls?/ })).toBeVisible();
      // What is about to be checked must not change meanwhile.
      expect(await faults(page)).toEqual([]);
    });
  });
}
