// The last calls and the panel of one call.

import { expect, loaded, overview, settledRange, test, type Span } from './weir';

/** The longest run of plain words in a JSON text: something that must be readable in the panel. */
function readablePart(json: string | null): string {
  // The letter of an escape such as `\n` is none of the text.
  const text = (json ?? '').replace(/\\+(?:u[0-9a-fA-F]{4}|.)/g, '"');
  const runs = text.match(/[A-Za-z][A-Za-z ,]{12,}/g) ?? [];
  const longest = runs.toSorted((a, b) => b.length - a.length)[0] ?? '';
  return longest.trim();
}

test('a call opens beside the page with its messages, numbers and ids', async ({ page, api }) => {
  await page.goto(overview(await settledRange(api, 30)));
  await loaded(page);
  const row = page.locator('[data-call]').filter({ has: page.locator('.failed') }).or(page.locator('[data-call]')).first();
  const key = (await row.getAttribute('data-call')) ?? '';
  await row.click();
  await expect(page).toHaveURL(new RegExp(`call=${key}`));
  const panel = page.getByRole('dialog');
  const call = await api.get<Span>(`/api/spans/${key}`);
  await expect(panel.getByRole('heading', { level: 2 })).toHaveText(call.model ?? call.name);
  const said = readablePart(call.input);
  expect(said).not.toBe('');
  await expect(panel.getByRole('tabpanel')).toContainText(said);
  if (call.tokens.input !== null) {
    await expect(panel.locator('dl')).toContainText(call.tokens.input.toLocaleString('en-US'));
  }
  await panel.getByRole('tab', { name: 'Attributes' }).click();
  await expect(panel.getByRole('tabpanel')).toContainText(call.trace_id);
  await panel.getByRole('tab', { name: 'Raw JSON' }).click();
  expect(JSON.parse(await panel.getByRole('tabpanel').innerText())).toEqual(call);
});

test('an answer shows what the model said', async ({ page, api }) => {
  const range = await settledRange(api, 30);
  const { spans } = await api.get<{ spans: Span[] }>('/api/spans', { ...range, filter: 'kind:llm AND status:ok', limit: '20' });
  const answered = spans.find((span) => readablePart(span.output) !== '');
  if (!answered) throw new Error('no call of the range has a readable answer');
  const call = await api.get<Span>(`/api/spans/${answered.trace_id}/${answered.span_id}`);
  await page.goto(overview({ ...range, call: `${call.trace_id}/${call.span_id}` }));
  await expect(page.getByRole('dialog').locator('li.answer').first()).toContainText(readablePart(call.output));
});

test('the keyboard walks from call to call and closes the panel', async ({ page, api }) => {
  await page.goto(overview(await settledRange(api, 30)));
  await loaded(page);
  const keys = await page.locator('[data-call]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-call') ?? ''));
  await page.locator('[data-call] a').first().focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`call=${keys[0]}`));
  await expect(page.getByRole('dialog')).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page).toHaveURL(new RegExp(`call=${keys[1]}`));
  await page.keyboard.press('j');
  await expect(page).toHaveURL(new RegExp(`call=${keys[2]}`));
  await page.keyboard.press('ArrowUp');
  await expect(page).toHaveURL(new RegExp(`call=${keys[1]}`));
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page).not.toHaveURL(/call=/);
  await expect(page.locator(`[data-call="${keys[1]}"] a`)).toBeFocused();
});

test('tabs are moved between with arrow keys without leaving the call', async ({ page, api }) => {
  await page.goto(overview(await settledRange(api, 30)));
  await loaded(page);
  await page.locator('[data-call]').nth(1).click();
  const url = page.url();
  await page.getByRole('tab', { name: 'Messages' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'Attributes' })).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('tab', { name: 'Attributes' })).toBeFocused();
  expect(page.url()).toBe(url);
});

test('a call can be copied as curl', async ({ page, api, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const range = await settledRange(api, 30);
  await page.goto(overview(range));
  await loaded(page);
  await page.locator('[data-call]').first().click();
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toMatch(/^curl 'http:\/\/[^']+\/v1\/[a-z/]+'/);
});

test('an unknown call says so and can be closed', async ({ page, complaints }) => {
  await page.goto(overview({ call: `${'1'.repeat(32)}/${'2'.repeat(16)}` }));
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('there is no');
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  // The browser itself notes the 404 that this test is about.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('404')]);
});
