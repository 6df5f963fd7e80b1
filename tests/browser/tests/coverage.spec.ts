// Coverage and its numbers.

import { at, expectCare, panel, settled } from './section';
import { expect, settledRange, test } from './weir';

test('every call of the range is counted once, by who saw it', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/coverage', range));
  await settled(page);
  const answer = await api.get<{ both: number; gateway_only: number; telemetry_only: number; rows: unknown[] }>(
    '/api/coverage',
    range,
  );
  const calls = await api.value('sum(llm.request.count)', range);
  expect(answer.both + answer.gateway_only + answer.telemetry_only).toBe(calls);
  await expect(panel(page, 'coverage').locator('tbody tr')).toHaveCount(answer.rows.length);
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/coverage');
});
