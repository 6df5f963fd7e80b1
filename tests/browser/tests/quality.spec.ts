// Quality shows what was judged, and the lines that would fill what nobody judges yet.

import { Feed } from './feed';
import { ragAnswer } from './judged';
import { checked, drifted, probed } from './judged-quality';
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
    probes: 'avg(weir.probe.passed)',
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
  await panel(page, 'worst').getByRole('tab', { name: 'ddtrace' }).click();
  await expect(panel(page, 'worst')).toContainText('submit_evaluation');
  await expect(panel(page, 'drift')).toContainText('does not know all of the');
  await expect(panel(page, 'checks')).toContainText('[evaluation]');
  await expect(panel(page, 'feedback')).toContainText('/api/scores');
  await expect(panel(page, 'judges')).toContainText('Weir judged nothing by itself');
  await expect(panel(page, 'drift-features')).toContainText('[drift]');
  await expect(panel(page, 'probes')).toContainText('[[probes]]');
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

test('judged answers, checks, probes and drift are shown, and lead to what they are about', async ({ page }) => {
  test.slow();
  const feed = await Feed.of(process.env['WEIR_URL'] ?? '');
  // A name of this run alone, so that what other tests send does not count.
  const app = `quality-${Date.now()}`;
  const [atMs, probe] = [Date.now() - 60_000, `probe of ${app}`];
  const rag = await ragAnswer(feed, atMs, app);
  await checked(feed, atMs, app, { 'custom.llm.refusal': 1, 'custom.llm.language': 'de', [`thumbs_${app}`]: 0 });
  const second = await checked(feed, atMs + 1_000, app, {
    'custom.llm.refusal': 0,
    'custom.llm.language': 'en',
    [`thumbs_${app}`]: 1,
  });
  await probed(feed, atMs, probe, []);
  const failing = await probed(feed, atMs + 2_000, probe, ['mentions the price']);
  await drifted(feed, 'gpt-4o', app, 'output_tokens', 0.41);
  await drifted(feed, 'gpt-4o', app, 'duration', 0.15);
  await drifted(feed, 'gpt-4o', app, 'finish_reason', 0.02);
  const stored = async (sql: string) => {
    const answer = (await (await page.request.post('/api/sql', { data: { sql } })).json()) as { rows: unknown[][] };
    return Number(answer.rows[0]?.[0]);
  };
  const points = `SELECT count(*) FROM points WHERE name = 'weir.drift.psi' AND tags['app'] = '${app}'`;
  await expect.poll(() => stored(points), { timeout: 60_000 }).toBe(3);
  const scores = `SELECT count(*) FROM scores WHERE app = '${app}' OR tags['probe'] = '${probe}'`;
  await expect.poll(() => stored(scores), { timeout: 60_000 }).toBe(10);

  await page.goto(at('/quality', { app }));
  await settled(page);
  // Charts and tables.
  await expect(panel(page, 'relevance-table').locator('[data-cell="handbook/returns"]')).toContainText('0.58');
  await expect(panel(page, 'relevance-table').locator('.low')).toHaveCount(1);
  const worst = panel(page, 'worst').locator('tbody tr');
  await expect(worst.first()).toContainText('2 of 4 claims supported');
  await expect(worst.first()).toContainText('How long can I return goods?');
  // Small multiples: shares, labels, and what users said.
  const checks = panel(page, 'checks');
  await expect(checks.locator('[data-check="custom.llm.refusal"]')).toContainText('50%');
  await expect(checks.locator('[data-check="custom.llm.language"]')).toContainText('de 50%');
  await expect(panel(page, 'feedback').locator(`[data-check="thumbs_${app}"]`)).toContainText('50%');
  await expect(checks.locator(`[data-check="thumbs_${app}"]`)).toHaveCount(0);
  // Drift in words, numbers and icons.
  const drift = panel(page, 'drift-features').locator(`[data-row="gpt-4o/${app}"]`);
  await expect(drift.locator('[data-feature="output_tokens"]')).toContainText('▲shifted');
  await expect(drift.locator('[data-feature="output_tokens"]')).toContainText('0.41');
  await expect(drift.locator('[data-feature="duration"]')).toContainText('moving');
  await expect(drift.locator('[data-feature="finish_reason"]')).toContainText('steady');
  // A pressed check lists its worst calls.
  await checks.locator('[data-check="custom.llm.refusal"] button').click();
  await expect(page).toHaveURL(/judged=custom.llm.refusal/);
  await expect(worst).toHaveCount(2);
  await expect(worst.last().getByRole('link')).toHaveAttribute('href', new RegExp(second.traceId));
  await page.getByRole('button', { name: 'All names' }).click();
  await expect(worst.first()).toContainText('2 of 4 claims supported');
  // One click to the claims.
  await worst.first().getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`/traces/${rag.traceId}`));
  await expect(page.locator('[data-claim]')).toHaveCount(4);

  // Probes are of no app.
  await page.goto('/quality');
  await settled(page);
  const row = panel(page, 'probes').locator(`[data-probe="${probe}"]`);
  await expect(row).toContainText('✕ failed');
  await expect(row).toContainText('50%');
  await expect(row).toContainText('mentions the price');
  await row.getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`/traces/${failing}`));
  await expect(page.locator('[data-score="weir.probe.passed"]')).toContainText('mentions the price');
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/quality');
});
