// Quality shows what was judged, and the lines that would fill what nobody judges yet.

import { at, expectCare, expectNumbers, panel, settled } from './section';
import { expect, plot, settledRange, test } from './weir';

test('the big numbers equal what the API answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/quality', range));
  await settled(page);
  await expectNumbers(page, api, range, {
    faithfulness: 'avg(custom.llm.faithfulness_score)',
    hallucination:
      '1 - ratio(count(v: v > 0.75):custom.llm.faithfulness_score{*}, count(custom.llm.faithfulness_score))',
    relevance: 'avg(custom.rag.retrieval_relevance)',
  });
});

test('a panel without data shows the lines that would fill it', async ({ page }) => {
  // A time before anything was recorded.
  await page.goto(at('/quality', { from: '2001-01-01T00:00:00Z', to: '2001-01-01T01:00:00Z' }));
  await settled(page);
  const faithfulness = panel(page, 'faithfulness-by-app');
  await expect(faithfulness).toContainText('statsd.gauge("custom.llm.faithfulness_score", score, tags=[f"app:{app}"])');
  await faithfulness.getByRole('tab', { name: 'Shell' }).click();
  await expect(faithfulness).toContainText('custom.llm.faithfulness_score:0.82|g|#app:helpdesk');
  await expect(panel(page, 'relevance-by-index')).toContainText('custom.rag.retrieval_relevance');
  await expect(panel(page, 'worst')).toContainText('submit_evaluation');
  await expect(panel(page, 'drift')).toContainText('does not know all of the');
});

test('how answers ended, and what retrievers found, comes from the calls themselves', async ({ page, api }) => {
  await page.goto(at('/quality', await settledRange(api, 60)));
  await settled(page);
  expect(Number(await plot(page, 'endings').getAttribute('data-series'))).toBeGreaterThan(1);
  expect(Number(await plot(page, 'retriever-scores').getAttribute('data-points'))).toBeGreaterThan(1);
});

test('drift compares with the time before', async ({ page, api }) => {
  const range = await settledRange(api, 360);
  await page.goto(at('/quality', range));
  await settled(page);
  const rows = panel(page, 'drift').locator('tbody tr');
  await expect(rows.first()).toContainText(/none|some|other/);
  await rows.first().getByRole('link').click();
  await expect(page).toHaveURL(/\/traces\?.*model=/);
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/quality');
});
