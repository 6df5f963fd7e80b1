// A budget is made, filled by calls, changed and ended on its screen, and the audit log has all of it.

import { faults } from './axe';
import { expectCare, panel, settled } from './section';
import { expect, test, type Api } from './weir';

interface AuditEntry {
  who: string;
  action: string;
  target: string;
}

/** What was done to a budget, oldest first. */
async function deeds(api: Api, name: string): Promise<string[]> {
  const { entries } = await api.get<{ entries: AuditEntry[] }>('/api/audit', { from: 'now-1h', to: 'now' });
  return entries
    .filter(({ target, who }) => target.includes(name) && who === 'ana')
    .map(({ action }) => action)
    .toReversed();
}

test('a budget is made, filled, changed and ended', async ({ page, api }) => {
  test.slow();
  const name = `budget-test-${Date.now()}`;
  await page.goto('/budgets');
  await settled(page);
  await page.getByRole('button', { name: 'New budget' }).first().click();
  const made = page.getByRole('dialog', { name: 'New budget' });
  expect(await faults(page)).toEqual([]);
  await made.getByLabel('Name', { exact: true }).fill(name);
  await made.getByLabel('named').fill(name);
  await made.getByLabel('Plan', { exact: true }).fill('1000');
  await made.getByRole('combobox', { name: 'in', exact: true }).selectOption('tokens');
  await made.getByRole('combobox', { name: 'for a', exact: true }).selectOption('hour');
  await made.getByRole('combobox', { name: 'Mode', exact: true }).selectOption('observe');
  await made.getByLabel('Your name').fill('ana');
  await made.getByRole('button', { name: 'Save' }).click();
  await expect(made).toHaveCount(0);

  const row = panel(page, 'budgets').locator(`tr[data-budget="${name}"]`);
  await expect(row).toContainText('1,000 tokens an hour');
  await expect(row.getByRole('img')).toHaveAttribute('aria-label', /^0 tokens of 1,000 tokens used, 0%/);

  // Calls of the team fill it. The provider has bad moments: a call that failed costs nothing.
  const call = async () => {
    const answer = await page.request.post('/v1/chat/completions', {
      headers: { authorization: 'Bearer demo', 'weir-team': name, 'cache-control': 'no-store' },
      data: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Fill a budget' }], max_tokens: 50 },
    });
    return answer.status();
  };
  await expect.poll(call, { timeout: 60_000 }).toBe(200);
  const used = async () => {
    const { budgets } = await api.get<{ budgets: { name: string; settled: number; reserved: number }[] }>(
      '/api/budgets',
    );
    const found = budgets.find((budget) => budget.name === name);
    return found !== undefined && found.settled > 0 && found.reserved === 0;
  };
  await expect.poll(used, { timeout: 30_000 }).toBe(true);
  await page.reload();
  await settled(page);
  await expect(row.getByRole('img')).toHaveAttribute('aria-label', /^[1-9]\d* tokens of 1,000 tokens used/);
  const filled = await row.locator('.used').evaluate((bar) => bar.getBoundingClientRect().width);
  expect(filled).toBeGreaterThan(0);

  await row.getByRole('button', { name: `Change ${name}` }).click();
  const changed = page.getByRole('dialog', { name: `Change ${name}` });
  await expect(changed.getByLabel('Name', { exact: true })).toBeDisabled();
  await changed.getByLabel('Plan', { exact: true }).fill('2500');
  await changed.getByRole('button', { name: 'Save' }).click();
  await expect(row).toContainText('2,500 tokens an hour');

  await row.getByRole('button', { name: `Change ${name}` }).click();
  await changed.getByRole('button', { name: 'Remove' }).click();
  await expect(row).toHaveCount(0);
  expect(await deeds(api, name)).toEqual(['budget.save', 'budget.save', 'budget.remove']);
});

test('what is refused stays in the dialog with its reason', async ({ page, complaints }) => {
  await page.route('**/api/budgets/*', (route) =>
    route.fulfill({ status: 400, json: { error: { code: 'invalid', message: 'no such model', hint: 'look again' } } }),
  );
  await page.goto('/budgets');
  await settled(page);
  await page.getByRole('button', { name: 'New budget' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New budget' });
  await dialog.getByLabel('Name', { exact: true }).fill('refused');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('no such model. look again');
  await expect(dialog.getByLabel('Name', { exact: true })).toHaveValue('refused');
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  // The browser itself notes the refusal that this test makes.
  expect(complaints.splice(0)).toEqual([expect.stringContaining('400')]);
});

test('a Weir without budgets shows how to define one', async ({ page }) => {
  await page.route('**/api/budgets', (route) => route.fulfill({ json: { budgets: [] } }));
  await page.goto('/budgets');
  await settled(page);
  await expect(panel(page, 'budgets').getByRole('tabpanel')).toContainText('[[budgets]]');
});

test('nothing is wrong with it in either theme, and at no width', async ({ page }) => {
  test.slow();
  const name = 'budget-test-of-care';
  const entry = { scope: { team: '*' }, period: 'day', amount_usd: 1, shutoff_at: 1.5, mode: 'observe' };
  const saved = await page.request.put(`/api/budgets/${name}`, { data: { entry, by: 'ana' } });
  expect(saved.ok()).toBe(true);
  await expectCare(page, '/budgets');
  await page.request.delete(`/api/budgets/${name}?by=ana`);
});
