// One trace: tree, times, roll-ups, messages; and traces that no one should have to see.

import { faults } from './axe';
import { at, idOf, madeUp, MADE_UP, serveTrace } from './traces';
import { expect, settledRange, test, type Api, type Span } from './weir';

/** A trace of the demo with some calls below an agent. */
async function bigTrace(api: Api): Promise<{ spans: Span[]; traceId: string }> {
  const range = await settledRange(api, 120);
  const { spans } = await api.get<{ spans: Span[] }>('/api/spans', { ...range, filter: 'kind:agent', limit: '50' });
  for (const { trace_id: traceId } of spans) {
    const trace = await api.get<{ spans: Span[] }>(`/api/traces/${traceId}`);
    if (trace.spans.filter(({ kind }) => kind === 'llm').length > 2) return { spans: trace.spans, traceId };
  }
  throw new Error('the demo has no agent with several calls');
}

test('a trace shows every span, and its numbers are those of its spans', async ({ page, api }) => {
  const { spans, traceId } = await bigTrace(api);
  await page.goto(`/traces/${traceId}`);
  await expect(page.getByRole('treeitem')).toHaveCount(spans.length);
  const input = spans.reduce((sum, { tokens }) => sum + (tokens.input ?? 0), 0);
  const output = spans.reduce((sum, { tokens }) => sum + (tokens.output ?? 0), 0);
  const summary = page.locator('header dl');
  await expect(summary).toContainText(`${input.toLocaleString('en-US')} / ${output.toLocaleString('en-US')}`);
  const nano = spans.reduce((sum, { cost_nano_usd }) => sum + BigInt(cost_nano_usd ?? '0'), 0n);
  const shown = await summary.locator('div').filter({ hasText: 'Cost' }).locator('dd').innerText();
  const usd = Number(nano) / 1e9;
  expect(Math.abs(Number(shown.replace('$', '')) - usd) / usd).toBeLessThan(0.06);
});

test('a link leads to a span, with what was said', async ({ page, api }) => {
  const { spans, traceId } = await bigTrace(api);
  const call = spans.findLast(({ kind, output }) => kind === 'llm' && output !== null);
  if (!call) throw new Error('no call of the trace has an answer');
  await page.goto(`/traces/${traceId}?span=${call.span_id}`);
  await expect(page.getByRole('treeitem', { selected: true })).toHaveAttribute('data-span', call.span_id);
  await page.locator('[data-panel="span"]').getByRole('tab', { name: 'Raw JSON' }).click();
  const raw = await page.locator('[data-panel="span"]').getByRole('tabpanel').innerText();
  expect(JSON.parse(raw)).toEqual(call);
});

test('arrow keys walk, fold and unfold the tree', async ({ page }) => {
  await serveTrace(page, [0, 1, 2, 3].map((i) => madeUp(i, i === 3 ? { parent_id: idOf(2) } : {})));
  await page.goto(`/traces/${MADE_UP}`);
  const item = page.getByRole('treeitem');
  await expect(item).toHaveCount(4);
  await page.getByRole('tree').focus();
  const chosen = () => page.getByRole('treeitem', { selected: true }).getAttribute('data-span');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  expect(await chosen()).toBe(idOf(2));
  await page.keyboard.press('ArrowLeft');
  await expect(item).toHaveCount(3);
  await page.keyboard.press('ArrowRight');
  await expect(item).toHaveCount(4);
  await page.keyboard.press('ArrowRight');
  expect(await chosen()).toBe(idOf(3));
  await page.keyboard.press('ArrowLeft');
  expect(await chosen()).toBe(idOf(2));
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  await expect(item).toHaveCount(1);
});

test('ten thousand spans scroll as ten do', async ({ page }) => {
  const count = 10_000;
  const spans = Array.from({ length: count }, (_, i) =>
    madeUp(i, i === 0 ? {} : { parent_id: idOf(Math.floor((i - 1) / 10)), input: null, output: null }),
  );
  await serveTrace(page, spans);
  await page.goto(`/traces/${MADE_UP}`);
  const tree = page.getByRole('tree');
  await expect(page.getByRole('treeitem').first()).toBeVisible();
  await expect(page.locator('header dl')).toContainText('10,000');
  expect(await page.getByRole('treeitem').count()).toBeLessThan(120);
  // Frames while scrolling from end to end: none may take longer than a person notices.
  const slowestMs = await tree.evaluate(async (element) => {
    let slowest = 0;
    const steps = 60;
    for (let i = 0; i <= steps; i += 1) {
      element.scrollTop = (element.scrollHeight * i) / steps;
      const before = performance.now();
      await new Promise((resolve) => requestAnimationFrame(resolve));
      await new Promise((resolve) => requestAnimationFrame(resolve));
      slowest = Math.max(slowest, performance.now() - before);
    }
    return slowest;
  });
  test.info().annotations.push({ type: 'slowest two frames', description: `${slowestMs.toFixed(0)} ms` });
  await expect(page.getByRole('treeitem').last()).toBeInViewport();
  expect(await page.getByRole('treeitem').count()).toBeLessThan(120);
  await tree.focus();
  await page.keyboard.press('End');
  await expect(page.getByRole('treeitem', { selected: true })).toBeInViewport();
  await page.getByRole('button', { name: 'Fold all spans' }).click();
  await expect(page.getByRole('treeitem')).toHaveCount(1);
});

test('a call that both sides reported is counted once and shows both times', async ({ page }) => {
  await serveTrace(page, [
    madeUp(0),
    madeUp(1, {
      source: 'otlp',
      same_as: idOf(2),
      duration_ms: 150,
      tokens: { input: null, output: null, cache_read: null, cache_write: null, reasoning: null },
      cost_usd: null,
      cost_nano_usd: null,
    }),
    madeUp(2, { parent_id: idOf(1), start_ms: madeUp(1).start_ms + 30, duration_ms: 100 }),
  ]);
  await page.goto(`/traces/${MADE_UP}?span=${idOf(1)}`);
  const sides = page.locator('[data-panel="sides"]');
  await expect(sides).toContainText('50 ms network and queue');
  await expect(sides).toContainText('30 ms before the gateway, 20 ms after');
  await sides.getByRole('button', { name: /Gateway/ }).click();
  await expect(page).toHaveURL(new RegExp(`span=${idOf(2)}`));
  await expect(sides).toContainText('50 ms network and queue');
});

test('nothing that a model wrote runs, and nothing is fetched for it', async ({ page, baseURL }) => {
  const fetched: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(baseURL ?? '')) fetched.push(request.url());
  });
  const evil = [
    '# Heading',
    '<img src="http://evil.example/a.png" onerror="document.title=\'owned\'">',
    '![picture](http://evil.example/b.png) [click](javascript:document.title=1)',
    '<script>document.title="owned"</script>',
    '| a | b |\n|---|--:|\n| **1** | `x<y` |',
  ].join('\n\n');
  const image = { type: 'image_url', image_url: { url: 'http://evil.example/c.png' } };
  await serveTrace(page, [
    madeUp(0, {
      kind: 'llm',
      input: JSON.stringify([{ role: 'user', content: [{ type: 'text', text: 'Look' }, image] }]),
      output: JSON.stringify([{ role: 'assistant', content: evil }]),
    }),
  ]);
  await page.goto(`/traces/${MADE_UP}`);
  const panel = page.locator('[data-panel="span"]').getByRole('tabpanel');
  await expect(panel.locator('table td strong')).toHaveText('1');
  await expect(panel).toContainText('<script>document.title="owned"</script>');
  await expect(panel.locator('img, script')).toHaveCount(0);
  await expect(panel.getByRole('link', { name: 'click' })).toHaveCount(0);
  await expect(panel.getByRole('link', { name: 'picture' })).toHaveAttribute('rel', /noopener/);
  await expect(panel.getByRole('link', { name: 'http://evil.example/c.png' })).toBeVisible();
  expect(fetched).toEqual([]);
  expect(await page.title()).not.toBe('owned');
});

test('documents and scores are shown with their numbers', async ({ page }) => {
  const documents = JSON.stringify([
    { id: 'kb-1', score: 0.9, text: 'Refunds take three days.' },
    { id: 'kb-2', score: 0.4, text: 'Shipping is free.' },
  ]);
  const score = { name: 'faithfulness', value: 0.25, label: 'low', judge: 'judge-1', rationale: 'It invents a date.' };
  await serveTrace(
    page,
    [madeUp(0, { kind: 'retrieval', documents })],
    [{ ...score, span_id: idOf(0), time_ms: madeUp(0).start_ms, tags: {} }],
  );
  await page.goto(`/traces/${MADE_UP}`);
  await page.getByRole('tab', { name: 'Documents (2)' }).click();
  await expect(page.getByRole('tabpanel')).toContainText('Refunds take three days.');
  await expect(page.getByRole('tabpanel')).toContainText('0.9');
  await page.getByRole('tab', { name: 'Scores (1)' }).click();
  await expect(page.getByRole('tabpanel')).toContainText('It invents a date.');
});

test('the panes are resized by keyboard, and stay so', async ({ page }) => {
  await serveTrace(page, [madeUp(0), madeUp(1)]);
  await page.goto(`/traces/${MADE_UP}`);
  const handle = page.getByRole('separator', { name: 'Width of the tree' });
  const before = Number(await handle.getAttribute('aria-valuenow'));
  await handle.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(handle).toHaveAttribute('aria-valuenow', String(before - 4));
  await page.reload();
  await expect(handle).toHaveAttribute('aria-valuenow', String(before - 4));
});

test('an unknown trace says so', async ({ page, complaints }) => {
  await page.goto(`/traces/${'1'.repeat(32)}`);
  await expect(page.getByText(/there is no|no spans any more/)).toBeVisible();
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('404');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('axe finds nothing on a trace and its parts', async ({ page, api }) => {
      test.slow();
      const { spans, traceId } = await bigTrace(api);
      await page.goto(at(`/traces/${traceId}`));
      await expect(page.getByRole('treeitem').first()).toBeVisible();
      expect(await faults(page), 'root').toEqual([]);
      const call = spans.find(({ kind }) => kind === 'llm');
      await page.locator(`[data-span="${call?.span_id}"]`).click();
      await expect(page.getByRole('tab', { name: 'Messages' })).toBeVisible();
      expect(await faults(page), 'call').toEqual([]);
      await page.getByRole('tab', { name: 'Attributes' }).click();
      expect(await faults(page), 'attributes').toEqual([]);
    });
  });
}

for (const width of [390, 1280, 1920]) {
  test(`a trace is not wider than a window of ${width} pixels`, async ({ page, api }) => {
    await page.setViewportSize({ width, height: 900 });
    const { traceId } = await bigTrace(api);
    await page.goto(`/traces/${traceId}`);
    await expect(page.getByRole('treeitem').first()).toBeVisible();
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow).toBeLessThanOrEqual(0);
  });
}
