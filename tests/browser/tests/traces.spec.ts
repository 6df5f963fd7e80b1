// The table of traces and spans: what the API has, narrowed and ordered as the page says, of any length.

import { faults } from './axe';
import { at, firstRows, rows } from './traces';
import { expect, settledRange, test, type Span } from './weir';

interface TraceList {
  traces: { trace_id: string; cost_usd: number | null }[];
  next: string | null;
}

test('the table lists the traces of the API in its order', async ({ page, api }) => {
  const range = await settledRange(api, 120);
  await page.goto(at('/traces', range));
  await expect(rows(page).first()).toBeVisible();
  const newest = await api.get<TraceList>('/api/traces', { ...range, limit: '10' });
  expect(await firstRows(page, 10)).toEqual(newest.traces.map(({ trace_id }) => trace_id));
  await page.getByRole('button', { name: 'Cost', exact: true }).click();
  await expect(page).toHaveURL(/sort=-cost/);
  const dearest = await api.get<TraceList>('/api/traces', { ...range, sort: '-cost', limit: '5' });
  await expect.poll(() => firstRows(page, 5)).toEqual(dearest.traces.map(({ trace_id }) => trace_id));
});

test('scrolling loads page after page and keeps few rows in the document', async ({ page, api }) => {
  const range = await settledRange(api, 600);
  await page.goto(at('/traces', { ...range, mode: 'spans' }));
  await expect(rows(page).first()).toBeVisible();
  const scroller = page.getByRole('region', { name: 'Spans', exact: true });
  const reach = () =>
    rows(page).evaluateAll((found) => Math.max(...found.map((row) => Number(row.getAttribute('data-index')))));
  await expect
    .poll(async () => {
      await scroller.evaluate((element) => (element.scrollTop = element.scrollHeight));
      return reach();
    })
    .toBeGreaterThan(1_000);
  expect(await rows(page).count()).toBeLessThan(80);
  const shown = await rows(page).evaluateAll((found) => found.map((row) => row.getAttribute('data-row')));
  expect(new Set(shown).size).toBe(shown.length);
});

test('a facet narrows the table to its count, and the address keeps it', async ({ page, api }) => {
  const range = await settledRange(api, 240);
  await page.goto(at('/traces', { ...range, mode: 'spans' }));
  const status = page.locator('[data-facet="status"]');
  const failed = status.locator('label').filter({ hasText: 'error' });
  const wanted = Number(((await failed.locator('.count').getAttribute('title')) ?? '').replaceAll(/\D/g, ''));
  expect(wanted).toBeGreaterThan(0);
  await failed.click();
  await expect(page).toHaveURL(/status=error/);
  await expect(page.getByText(`${wanted.toLocaleString('en-US')} spans`, { exact: true })).toBeVisible();
  await expect(rows(page).locator('.failed').first()).toBeVisible();
  await expect(rows(page).locator('.status:not(.failed)')).toHaveCount(0);
  // The other value is still on offer, with its own count.
  await expect(status.locator('label').filter({ hasText: 'ok' })).toBeVisible();
  await page.reload();
  await expect(failed.getByRole('checkbox')).toBeChecked();
  await expect(rows(page).locator('.failed').first()).toBeVisible();
});

test('a text is looked for in prompts and answers', async ({ page, api }) => {
  const range = await settledRange(api, 240);
  await page.goto(at('/traces', { ...range, mode: 'spans' }));
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole('searchbox', { name: 'Search prompts and answers' }).fill('refund');
  await expect(page).toHaveURL(/q=refund/);
  const found = await api.get<{ spans: Span[] }>('/api/spans', { ...range, text: 'refund', limit: '5' });
  expect(found.spans.length).toBeGreaterThan(0);
  await expect
    .poll(() => firstRows(page, 5))
    .toEqual(found.spans.map(({ trace_id, span_id }) => `${trace_id}/${span_id}`));
});

test('a condition is applied, and a wrong one says why', async ({ page, api, complaints }) => {
  await page.goto(at('/traces', { ...(await settledRange(api, 240)), mode: 'spans' }));
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole('button', { name: 'Conditions' }).click();
  await page.getByRole('textbox', { name: 'Latency from' }).fill('2000');
  await page.getByRole('textbox', { name: 'Condition', exact: true }).fill('kind:llm');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page).toHaveURL(/min_duration_ms=2000/);
  await expect(rows(page).first()).toContainText('llm');
  // The rows from before stay until the answer is there.
  const latencies = rows(page).locator('td:nth-child(6)');
  await expect(latencies.filter({ hasText: /ms$/ })).toHaveCount(0);
  await page.getByRole('button', { name: 'Conditions (2)' }).click();
  await page.getByRole('textbox', { name: 'Condition', exact: true }).fill('kind:');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  // The browser itself notes the refusals that this test is about.
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('400');
});

test('the keyboard walks the rows and opens one', async ({ page, api }) => {
  await page.goto(at('/traces', await settledRange(api, 60)));
  await expect(rows(page).first()).toBeVisible();
  const ids = await firstRows(page, 3);
  await rows(page).first().locator('a').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('j');
  await expect(page.locator(`tr[data-row="${ids[2]}"] a`)).toBeFocused();
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/traces/${ids[1]}`));
  await expect(page.getByRole('tree')).toBeVisible();
});

test('a span opens beside the table and leads to its trace', async ({ page, api }) => {
  await page.goto(at('/traces', { ...(await settledRange(api, 60)), mode: 'spans', kind: 'llm' }));
  await rows(page).nth(2).click();
  const panel = page.getByRole('dialog');
  await expect(panel.getByRole('tab', { name: 'Messages' })).toBeVisible();
  await panel.getByRole('link', { name: 'Open trace' }).click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}\?.*span=[0-9a-f]{16}/);
  await expect(page.getByRole('treeitem', { selected: true })).toBeVisible();
});

test('dragging over the chart shows that time', async ({ page, api }) => {
  await page.goto(at('/traces', await settledRange(api, 240)));
  const plot = page.locator('[data-panel="spans-over-time"] .u-over');
  const box = await plot.boundingBox();
  if (!box) throw new Error('the chart is not there');
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 24, { steps: 8 });
  await page.mouse.up();
  await expect
    .poll(() => {
      const params = new URL(page.url()).searchParams;
      return Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '');
    })
    .toBeLessThan(65 * 60_000);
});

test('what differs names the tags by which failed calls stand out', async ({ page, api }) => {
  const range = await settledRange(api, 24 * 60 - 10);
  await page.goto(at('/traces', { ...range, mode: 'spans' }));
  await page.getByRole('button', { name: 'What differs' }).click();
  const panel = page.locator('[data-panel="differs"]');
  const tag = panel.locator('ol.tags > li').filter({ has: page.getByRole('heading', { name: 'App', exact: true }) });
  const value = tag.locator('button:enabled').filter({ hasNotText: 'none' }).first();
  await expect(value).toBeVisible();
  // What selected the calls differs by definition, and is not told.
  await expect(panel.getByRole('heading', { name: 'Status', exact: true })).toHaveCount(0);
  const name = await value.locator('.value').innerText();
  await value.click();
  await expect.poll(() => new URL(page.url()).searchParams.getAll('app')).toEqual([name]);
  await expect(rows(page).first()).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('axe finds nothing on the table, its comparison and its conditions', async ({ page, api }) => {
      test.slow();
      await page.goto(at('/traces', { ...(await settledRange(api, 240)), differs: 'errors' }));
      await expect(rows(page).first()).toBeVisible();
      await expect(page.locator('[data-panel="differs"] ol')).toBeVisible();
      expect(await faults(page), 'traces').toEqual([]);
      await page.getByRole('group', { name: 'Rows' }).getByRole('button', { name: 'Spans' }).click();
      await expect(rows(page).first()).toBeVisible();
      await page.getByRole('button', { name: 'Conditions' }).click();
      expect(await faults(page), 'spans').toEqual([]);
    });
  });
}

for (const width of [390, 1280, 1920]) {
  test(`the table is not wider than a window of ${width} pixels`, async ({ page, api }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(at('/traces', await settledRange(api, 60)));
    await expect(rows(page).first()).toBeVisible();
    const overflow = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
}
