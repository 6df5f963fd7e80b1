// Security shows who tries to break out and which agent stands out, and the lines that would fill what nobody checks yet.

import { at, expectCare, expectNumbers, panel, settled } from './section';
import { expect, settledRange, test } from './weir';

test('the big numbers equal what the API answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/security', range));
  await settled(page);
  await expectNumbers(page, api, range, {
    risk: 'max(custom.llm.injection_risk_score)',
    flagged: 'count(v: v > 0):custom.llm.injection_risk_score{*}',
    violations: 'sum(custom.agent.scope_violation)',
    refusals:
      'sum(llm.request.error{error_type IN (authentication, permission, permission_denied, content_filter, unauthorized)})',
  });
});

test('tokens of each agent equal what SQL answers', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/security', range));
  await settled(page);
  const answer = await page.request.post('/api/sql', {
    data: {
      sql: `SELECT coalesce(agent, 'none') AS whom, sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) AS tokens
        FROM spans WHERE kind IN ('llm', 'embedding', 'rerank') AND same_as IS NULL
        AND start_time >= epoch_ms(${Date.parse(range.from)}) AND start_time < epoch_ms(${Date.parse(range.to)})
        GROUP BY whom`,
    },
  });
  const { rows } = (await answer.json()) as { rows: [string, number | string][] };
  const known = new Map(rows.map(([name, tokens]) => [name, Number(tokens)]));
  const shown = panel(page, 'agents').locator('tr[data-group]');
  expect(await shown.count()).toBeGreaterThan(2);
  for (const row of await shown.all()) {
    const name = (await row.getAttribute('data-group')) ?? '';
    if (name === 'others') continue;
    expect(Number(await row.locator('[data-amount]').getAttribute('data-amount')), name).toBe(known.get(name));
  }
});

test('a panel without data shows the lines that would fill it', async ({ page }) => {
  await page.goto(at('/security', { from: '2001-01-01T00:00:00Z', to: '2001-01-01T01:00:00Z' }));
  await settled(page);
  await expect(panel(page, 'injection')).toContainText(
    'statsd.gauge("custom.llm.injection_risk_score", score, tags=[f"session:{session_id}"])',
  );
  await expect(panel(page, 'scope-violations')).toContainText('custom.agent.scope_violation');
  await expect(panel(page, 'tokens-by-agent')).toContainText('weir-agent');
  await expect(panel(page, 'events')).toContainText('RAG Relevance Warning');
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  await expectCare(page, '/security');
});
