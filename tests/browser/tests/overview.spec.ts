// The Overview shows what the API answers, over the range and filters in the address.

import { expect, loaded, overview, plot, settledRange, test } from './weir';

const CHARTS = [
  'request-rate',
  'error-rate-over-time',
  'errors',
  'latency-over-time',
  'first-token',
  'tokens-over-time',
  'spend-by-model',
];

const TOTALS = {
  requests: 'sum(llm.request.count)',
  'error-rate': 'rate(llm.request.error)',
  latency: 'p95(llm.request.duration)',
  tokens: 'sum(llm.tokens.total)',
  spend: 'sum(llm.cost.usd)',
};

test('the page opens with data in every chart, painted', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  for (const chart of CHARTS) {
    const drawing = plot(page, chart);
    expect(Number(await drawing.getAttribute('data-series')), chart).toBeGreaterThan(0);
    expect(Number(await drawing.getAttribute('data-points')), chart).toBeGreaterThan(0);
    const colors = await drawing.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
      const context = canvas.getContext('2d');
      const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
      const seen = new Set<string>();
      for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i + 3] === 255) seen.add(`${pixels[i]},${pixels[i + 1]},${pixels[i + 2]}`);
      }
      return seen.size;
    });
    // Grid and labels alone are greys of one hue; a series adds its own colours.
    expect(colors, `colours in ${chart}`).toBeGreaterThan(3);
  }
});

test('the big numbers equal what the API answers', async ({ page, api }) => {
  const range = await settledRange(api, 30);
  await page.goto(overview(range));
  await loaded(page);
  for (const [id, expression] of Object.entries(TOTALS)) {
    const expected = await api.value(expression, range);
    const tile = page.locator(`[data-number="${id}"]`);
    expect(expected, expression).not.toBeNull();
    expect(Number(await tile.getAttribute('data-value')), expression).toBe(expected);
    await expect(tile.locator('.value')).toHaveText(/\d/);
  }
});

test('the table of spend equals what the API answers and adds up to all of it', async ({ page, api }) => {
  const range = await settledRange(api, 30);
  await page.goto(overview(range));
  await loaded(page);
  const whole = (await api.value('sum(llm.cost.usd)', range)) ?? 0;
  const rows = page.locator('[data-panel="spend-by-model"] tr[data-group]');
  await expect(rows.first()).toBeVisible();
  let shares = 0;
  for (const row of await rows.all()) {
    const model = await row.getAttribute('data-group');
    const shownShare = Number.parseFloat((await row.locator('.share').innerText()).replace('%', ''));
    shares += shownShare;
    if (model === 'others') continue;
    const usd = await api.value(`sum(llm.cost.usd) where {model:"${model}"}`, range);
    expect(shownShare, `share of ${model}`).toBeCloseTo(((usd ?? 0) / whole) * 100, 0);
  }
  expect(shares).toBeGreaterThan(99);
  expect(shares).toBeLessThan(101);
});

test('a preset changes the range and the address, and going back undoes it', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  await page.getByRole('button', { name: 'Time range: Last hour' }).click();
  await page.getByRole('button', { name: 'Last 6 hours' }).click();
  await expect(page).toHaveURL(/from=now-6h&to=now/);
  await expect(page.getByRole('button', { name: 'Time range: Last 6 hours' })).toBeVisible();
  await expect(page.locator('[data-panel="tokens-over-time"] .measure')).toHaveText('per 5 minutes');
  await page.reload();
  await expect(page.getByRole('button', { name: 'Time range: Last 6 hours' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('button', { name: 'Time range: Last hour' })).toBeVisible();
});

test('a range can be written, and nonsense is refused with a hint', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  await page.getByRole('button', { name: 'Time range' }).click();
  await page.getByLabel('From', { exact: true }).fill('yesterday');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('now-3h');
  await page.getByLabel('From', { exact: true }).fill('now-45m');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page).toHaveURL(/from=now-45m/);
  await expect(page.getByRole('button', { name: 'Time range: Last 45 minutes' })).toBeVisible();
});

test('dragging over a chart zooms the whole page into that time', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  const area = plot(page, 'latency-over-time').locator('.u-over');
  // Open alerts above may push the chart below the fold, where no mouse can reach it.
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  if (!box) throw new Error('the chart has no plotting area');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.25, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 6 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d{4}-/);
  const params = new URL(page.url()).searchParams;
  const minutes = (Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '')) / 60_000;
  expect(minutes).toBeGreaterThanOrEqual(14);
  expect(minutes).toBeLessThanOrEqual(17);
  await expect(page.getByRole('button', { name: /Time range: .*\d\d:\d\d/ })).toBeVisible();
  await expect(page.getByLabel('Refresh by itself')).toBeDisabled();
});

test('filters narrow numbers and calls, complete from real values, and live in the address', async ({ page, api }) => {
  const range = await settledRange(api, 30);
  await page.goto(overview(range));
  await loaded(page);
  await page.getByRole('button', { name: 'Model', exact: true }).click();
  const options = page.locator('#filter-model li');
  await expect(options.first()).toBeVisible();
  const model = (await options.first().locator('.value').innerText()).trim();
  await options.first().getByRole('checkbox').check();
  await page.keyboard.press('Escape');
  await expect.poll(() => new URL(page.url()).searchParams.getAll('model')).toEqual([model]);
  const expected = await api.value(`sum(llm.request.count) where {model:"${model}"}`, range);
  await expect(page.locator('[data-number="requests"]')).toHaveAttribute('data-value', String(expected));
  await expect
    .poll(async () => [...new Set(await page.locator('[data-call] .model').allInnerTexts())])
    .toEqual([model]);
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect.poll(() => new URL(page.url()).searchParams.has('model')).toBe(false);
  const all = await api.value('sum(llm.request.count)', range);
  await expect(page.locator('[data-number="requests"]')).toHaveAttribute('data-value', String(all));
});

test('a click on a chart lists the calls of that moment', async ({ page, api }) => {
  const range = await settledRange(api, 30);
  await page.goto(overview(range));
  await loaded(page);
  const over = plot(page, 'tokens-over-time').locator('.u-over');
  const box = await over.boundingBox();
  if (!box) throw new Error('the chart has no plotting area');
  await over.click({ position: { x: box.width / 2, y: box.height - 8 } });
  await expect(page).toHaveURL(/at=\d+-\d+/);
  const [fromMs = 0, toMs = 0] = (new URL(page.url()).searchParams.get('at') ?? '').split('-').map(Number);
  expect(toMs - fromMs).toBe(60_000);
  const shown = page.locator('[data-panel="calls"] [data-call]');
  await expect(async () => {
    const { spans } = await api.get<{ spans: { trace_id: string; span_id: string }[] }>('/api/spans', {
      from: String(fromMs),
      to: String(toMs),
      filter: 'kind IN (llm, embedding, rerank)',
      limit: '50',
    });
    const keys = await shown.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-call')));
    expect(keys).toEqual(spans.map((span) => `${span.trace_id}/${span.span_id}`));
  }).toPass();
  await page.getByRole('button', { name: 'Show all calls of the range' }).click();
  await expect(page).not.toHaveURL(/at=/);
});

test('pointing at one chart reads the same moment on all of them', async ({ page, api }) => {
  await page.goto(overview(await settledRange(api, 30)));
  await loaded(page);
  await plot(page, 'request-rate').locator('.u-over').hover();
  const moments = () =>
    page.locator('[role="slider"]').evaluateAll((all) => [...new Set(all.map((one) => one.getAttribute('aria-valuenow')))]);
  await expect.poll(async () => (await moments()).length).toBe(1);
  expect(Number((await moments())[0])).toBeLessThan(29);
  await expect(page.locator('[data-panel="request-rate"] .tooltip')).toBeVisible();
  await expect(page.locator('.tooltip')).toHaveCount(1);
});

test('a chart can be read with the keyboard and as a table', async ({ page, api }) => {
  await page.goto(overview(await settledRange(api, 30)));
  await loaded(page);
  const drawing = plot(page, 'latency-over-time');
  await drawing.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Home');
  await expect(drawing).toHaveAttribute('aria-valuenow', '0');
  await page.keyboard.press('ArrowRight');
  await expect(drawing).toHaveAttribute('aria-valuenow', '1');
  await expect(drawing).toHaveAttribute('aria-valuetext', /\d\d:\d\d: p50 .*, p95 .*, p99 /);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Latency as a table' }).click();
  const table = page.getByRole('region', { name: 'Latency, as a table' });
  await expect(table.getByRole('row')).toHaveCount(31);
  await expect(table.getByRole('columnheader')).toHaveText(['Time', 'p50', 'p95', 'p99']);
});

test('the legend hides and shows a series', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  const panel = page.locator('[data-panel="tokens-over-time"]');
  const picture = () => panel.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const before = await picture();
  await panel.getByRole('button', { name: /Input/ }).click();
  await expect(panel.getByRole('button', { name: /Input/ })).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(picture).not.toBe(before);
});

test('the page weighs less than 150 kB', async ({ page }) => {
  await page.goto('/');
  await loaded(page);
  const bytes = await page.evaluate(() => {
    const entries = performance.getEntries().filter((entry) => entry instanceof PerformanceResourceTiming);
    return entries
      .filter(({ name }) => !name.includes('/api/'))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
  });
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(150_000);
});
