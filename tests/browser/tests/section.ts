// What the tests of the sections share: waiting for panels, looking at every state of theirs, and their numbers.

import { expect, type Locator, type Page } from '@playwright/test';
import { faults } from './axe';
import type { Api, FixedRange } from './weir';

/** Waits until every panel of a section has its answer, or says why it has none. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('[data-panel]').first()).toBeVisible();
  await expect(page.locator('main .skeleton')).toHaveCount(0);
}

/** A panel of a section. */
export function panel(page: Page, id: string): Locator {
  return page.locator(`[data-panel="${id}"]`);
}

/** The address of a page. */
export function at(path: string, params: Record<string, string> = {}): string {
  return `${path}?${new URLSearchParams(params)}`;
}

/** Each big number of a page is what the API answers to its expression. */
export async function expectNumbers(
  page: Page,
  api: Api,
  range: FixedRange,
  numbers: Record<string, string>,
): Promise<void> {
  for (const [id, expression] of Object.entries(numbers)) {
    const expected = await api.value(expression, range);
    const shown = await page.locator(`[data-number="${id}"]`).getAttribute('data-value');
    if (expected === null) expect(shown, expression).toBe('');
    else expect(Number(shown), expression).toBe(expected);
  }
}

/** A page without faults in both themes, and never wider than its window. */
export async function expectCare(page: Page, address: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(address);
    await settled(page);
    expect(await faults(page), `${address} in the ${colorScheme} theme`).toEqual([]);
  }
  for (const width of [390, 768, 1280, 1920]) {
    await page.setViewportSize({ width, height: 900 });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow, `${address} at ${width} pixels`).toBeLessThanOrEqual(0);
  }
}
