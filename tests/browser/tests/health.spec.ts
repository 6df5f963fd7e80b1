// Health shows what the API answers, and each point leads to the calls behind it.

import { at, expectCare, expectNumbers, panel, settled } from './section';
import { expect, plot, settledRange, test } from './weir';

const OUTAGES =
  'server_error, overloaded, timeout, rate_limit, quota, connect, connect_timeout, closed, upstream_unreachable, ' +
  'upstream_timeout, upstream_invalid, upstream_cut';

test('the big numbers equal what the API answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/health', range));
  await settled(page);
  await expectNumbers(page, api, range, {
    availability: `1 - rate(llm.request.error{error_type IN (${OUTAGES})})`,
    'error-rate': 'rate(llm.request.error)',
    requests: 'sum(llm.request.count)',
    latency: 'p95(llm.request.duration)',
    'first-token': 'p95(llm.time_to_first_token)',
  });
});

test('availability of each model equals what SQL answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/health', range));
  await settled(page);
  const causes = OUTAGES.split(', ').map((cause) => `'${cause}'`).join(', ');
  const answer = await page.request.post('/api/sql', {
    data: {
      sql: `SELECT model, 1 - count(*) FILTER (WHERE error_type IN (${causes})) / count(*)::DOUBLE AS availability
        FROM spans WHERE kind IN ('llm', 'embedding', 'rerank') AND same_as IS NULL
        AND start_time >= epoch_ms(${Date.parse(range.from)}) AND start_time < epoch_ms(${Date.parse(range.to)})
        GROUP BY model`,
    },
  });
  const { rows } = (await answer.json()) as { rows: [string, number][] };
  expect(rows.length).toBeGreaterThan(3);
  for (const [model, availability] of rows) {
    const cell = panel(page, 'availability-by-model').locator(`tr[data-row="${model}"] [data-availability]`);
    expect(Number(await cell.getAttribute('data-availability')), model).toBeCloseTo(availability, 9);
  }
});

test('the percentile can be chosen and is part of the address', async ({ page, api }) => {
  await page.goto(at('/health', await settledRange(api, 60)));
  await settled(page);
  const asked = page.waitForRequest((request) => request.url().includes('p99') && request.url().includes('by+model'));
  await panel(page, 'latency-by-model').getByRole('button', { name: 'P99' }).click();
  await asked;
  await expect(page).toHaveURL(/percentile=p99/);
  await expect(panel(page, 'latency-by-model').getByRole('button', { name: 'P99' })).toHaveAttribute('aria-pressed', 'true');
});

test('a click on an error leads to the failed calls of that moment', async ({ page, api }) => {
  const range = await settledRange(api, 360);
  await page.goto(at('/health', range));
  await settled(page);
  const drawing = plot(page, 'errors');
  await drawing.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/traces\?/);
  const params = new URL(page.url()).searchParams;
  expect(params.get('filter')).toContain('status:error');
  const lengthMs = Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '');
  expect(lengthMs).toBe(5 * 60_000);
});

test('providers show whether they are asked', async ({ page, api }) => {
  await page.goto('/health');
  await settled(page);
  const { upstreams } = await api.status();
  for (const { provider } of upstreams) {
    await expect(panel(page, 'upstreams').locator(`tr[data-row="${provider}"]`)).toContainText('Asked');
  }
});

test('the heat map reads its cells and leads to their calls', async ({ page, api }) => {
  const probe = await page.request.get('/api/heatmap?metric=llm.request.duration');
  test.skip(probe.status() === 404, 'this Weir has no heat maps');
  await page.goto(at('/health', await settledRange(api, 60)));
  await settled(page);
  const map = panel(page, 'latency-heat').getByRole('slider');
  await map.focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  await expect(map).toHaveAttribute('aria-valuetext', /\d+ of .* calls took/);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/min_duration_ms=\d+&max_duration_ms=\d+|max_duration_ms/);
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/health');
});
