// Accessibility in both themes, and widths from a phone to a large screen.

import { faults } from './axe';
import { expect, loaded, test } from './weir';

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('axe finds nothing on the page, its menus and the panel of a call', async ({ page }) => {
      // Seven runs of axe, each over some thousand elements.
      test.slow();
      await page.goto('/');
      await loaded(page);
      expect(await faults(page), 'page').toEqual([]);
      await page.getByRole('button', { name: 'Time range: Last hour' }).click();
      expect(await faults(page), 'time range').toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Team', exact: true }).click();
      await expect(page.locator('#filter-team li').first()).toBeVisible();
      expect(await faults(page), 'filter').toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Latency as a table' }).click();
      await page.locator('[data-call]').first().click();
      await expect(page.getByRole('dialog').getByRole('tab').first()).toBeVisible();
      expect(await faults(page), 'call').toEqual([]);
      for (const tab of ['Attributes', 'Raw JSON']) {
        await page.getByRole('tab', { name: tab }).click();
        expect(await faults(page), tab).toEqual([]);
      }
    });

    test('the background follows the preference of the system', async ({ page }) => {
      await page.goto('/');
      const background = await page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
      const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
      expect(red > 128 ? 'light' : 'dark').toBe(colorScheme);
    });
  });
}

test('a chosen theme stays after a reload, and charts are drawn in it', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  const background = () => page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
  const picture = () =>
    page.locator('[data-panel="latency-over-time"] canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const [lightBackground, lightPicture] = [await background(), await picture()];
  await page.getByRole('button', { name: 'Change to the dark theme' }).click();
  await expect.poll(background).not.toBe(lightBackground);
  await expect.poll(picture).not.toBe(lightPicture);
  const darkBackground = await background();
  await page.reload();
  await loaded(page);
  expect(await background()).toBe(darkBackground);
});

for (const width of [360, 390, 768, 1280, 1920]) {
  test(`nothing is wider than a window of ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto('/');
    await loaded(page);
    const overflow = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.locator('[data-call]').first().click();
    await expect(page.getByRole('dialog').getByRole('tab').first()).toBeVisible();
    expect(await overflow()).toBeLessThanOrEqual(0);
    const box = await page.getByRole('dialog').boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
  });
}

test('panels keep their places while answers arrive', async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/query**', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('/');
  await expect(page.locator('[data-panel="spend-by-model"]')).toBeVisible();
  const places = () =>
    page.locator('[data-panel], [data-number]').evaluateAll((all) =>
      all.slice(0, -1).map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return [x, y, width, height].map(Math.round);
      }),
    );
  const before = await places();
  release();
  await loaded(page);
  expect(await places()).toEqual(before);
});
