// Questions of one's own, and dashboards made of them.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { faults } from './axe';
import { at } from './traces';
import { expect, settledRange, test, type Answer } from './weir';

const editor = (page: Page) => page.locator('.cm-content');
const answer = (page: Page) => page.locator('[data-panel="answer"]');

/** Empties the editor and writes. */
async function write(page: Page, text: string) {
  await editor(page).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type(text);
}

test('an expression is asked and drawn, and the address keeps it', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  await page.goto(at('/explore', range));
  await write(page, 'sum(llm.request.count) by provider');
  await page.keyboard.press('Escape');
  await page.keyboard.press('ControlOrMeta+Enter');
  const drawing = answer(page).getByRole('slider');
  await expect(drawing).toBeVisible();
  const expected = await api.get<Answer>('/api/query', { expr: 'sum(llm.request.count) by provider', ...range, step: '60000' });
  await expect(drawing).toHaveAttribute('data-series', String(expected.series.length));
  await page.reload();
  await expect(editor(page)).toHaveText('sum(llm.request.count) by provider');
  await expect(drawing).toBeVisible();
});

test('a table of an expression has the values of the API', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  const expr = 'sum(llm.request.count) by provider';
  await page.goto(at('/explore', { ...range, expr, show: 'table' }));
  const { values } = await api.get<{ values: { value: number; tags: Record<string, string> }[] }>('/api/query/instant', {
    expr,
    ...range,
  });
  for (const { value, tags } of values) {
    const row = answer(page).getByRole('row').filter({ hasText: tags['provider'] ?? '–' });
    await expect(row).toContainText(value.toLocaleString('en-US'));
  }
});

test('a fault is underlined at its place and said in words', async ({ page, complaints }) => {
  await page.goto(at('/explore', { expr: 'p95(llm.request.duratio) by model' }));
  await expect(answer(page).getByRole('alert')).toContainText('llm.request.duration');
  await expect(page.locator('.cm-lintRange-error')).toHaveText('llm.request.duratio');
  await page.goto(at('/explore', { sql: 'SELECT model, nonsense FROM spans' }));
  await expect(answer(page).getByRole('alert')).toContainText('nonsense');
  await expect(page.locator('.cm-lintRange-error')).toHaveText('nonsense');
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('400');
});

test('names are completed while one writes', async ({ page }) => {
  await page.goto('/explore');
  await write(page, 'sum(llm.requ');
  const offered = page.locator('.cm-tooltip-autocomplete li');
  await expect(offered.filter({ hasText: 'llm.request.count' })).toBeVisible();
  await page.goto(at('/explore', { in: 'sql' }));
  await write(page, 'SELECT finish_ FROM spans');
  for (let i = 0; i < ' FROM spans'.length; i += 1) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Control+Space');
  await expect(offered.filter({ hasText: 'finish_reason' })).toBeVisible();
});

test('SQL answers as a table, as a chart and as CSV', async ({ page, api }) => {
  const range = await settledRange(api, 60);
  const sql =
    "SELECT time_bucket(INTERVAL 5 minute, start_time) AS time, count(*) AS calls FROM spans WHERE start_time >= $from AND start_time < $to GROUP BY ALL ORDER BY ALL";
  await page.goto(at('/explore', { ...range, sql }));
  await expect(answer(page).getByRole('columnheader', { name: 'calls' })).toBeVisible();
  const rows = (await answer(page).getByRole('row').count()) - 1;
  expect(rows).toBeGreaterThan(5);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const csv = readFileSync(await (await downloading).path(), 'utf8');
  expect(csv.split('\r\n')[0]).toBe('time,calls');
  expect(csv.trim().split('\r\n')).toHaveLength(rows + 1);
  await page.getByRole('combobox', { name: 'Shown as' }).selectOption('bars');
  await expect(answer(page).getByRole('slider')).toHaveAttribute('data-points', String(rows));
});

test('a question becomes a panel, panels a dashboard that is arranged by keyboard and mouse', async ({ page }) => {
  test.slow();
  const mark = `${Date.now()}`;
  for (const [i, expr] of ['sum(llm.request.count) by model', 'sum(llm.cost.usd)'].entries()) {
    await page.goto(at('/explore', { expr, show: i === 0 ? 'bars' : 'number' }));
    await page.getByRole('button', { name: 'Save as panel' }).click();
    await page.getByLabel('Name of the panel').fill(`Panel ${i} ${mark}`);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByRole('link', { name: 'Put it on a dashboard' })).toBeVisible();
  }
  await page.goto('/dashboards');
  await page.getByRole('button', { name: 'New dashboard' }).click();
  await page.getByLabel('Name').fill(`Board ${mark}`);
  await page.getByRole('button', { name: 'Make it' }).click();
  for (const i of [0, 1]) {
    await page.getByRole('button', { name: 'Add a panel' }).click();
    await page.getByRole('button', { name: `Panel ${i} ${mark}` }).click();
  }
  const panels = page.locator('[data-board-panel]');
  await expect(panels).toHaveCount(2);
  const places = () => panels.evaluateAll((all) => all.map((one) => (one as HTMLElement).style.gridArea));
  const before = await places();
  // By keyboard: the second one goes above the first, then grows.
  await page.getByRole('button', { name: new RegExp(`^Move Panel 1 ${mark}`) }).press('ArrowUp');
  await expect.poll(places).not.toEqual(before);
  const raised = await places();
  expect(raised[1]).toMatch(/^1 \//);
  await page.getByRole('button', { name: new RegExp(`^Move Panel 1 ${mark}`) }).press('Shift+ArrowRight');
  await expect.poll(places).not.toEqual(raised);
  // By mouse: it goes to the right, past the middle of the page.
  const grown = await places();
  const grip = await page.getByRole('button', { name: new RegExp(`^Move Panel 1 ${mark}`) }).boundingBox();
  if (!grip) throw new Error('the grip is not there');
  await page.mouse.move(grip.x + 5, grip.y + 5);
  await page.mouse.down();
  await page.mouse.move(grip.x + 600, grip.y + 5, { steps: 8 });
  await page.mouse.up();
  await expect.poll(places).not.toEqual(grown);
  await expect(page.getByText('Stored', { exact: true })).toBeVisible();
  const arranged = await places();
  await page.reload();
  await expect(panels).toHaveCount(2);
  expect(await places()).toEqual(arranged);

  const exporting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  const file = await (await exporting).path();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ weir: 'dashboard', name: `Board ${mark}` });
  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('button', { name: 'New dashboard' })).toBeVisible();
  await page.locator('input[type="file"]').setInputFiles(file);
  await expect(panels).toHaveCount(2);
  expect(await places()).toEqual(arranged);
});

test('two who change the same dashboard are told of each other', async ({ page, complaints }) => {
  const made = await page.request.post('/api/documents', {
    data: { kind: 'dashboard', name: 'Shared', body: { version: 1, panels: [] } },
  });
  const stored = (await made.json()) as { id: string; revision: number };
  await page.goto(at('/dashboards', { board: stored.id }));
  await expect(page.getByRole('heading', { name: 'Shared' })).toBeVisible();
  await page.request.put(`/api/documents/${stored.id}`, {
    data: { name: 'Theirs', body: { version: 1, panels: [] }, revision: stored.revision },
  });
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByRole('textbox', { name: 'Name of the dashboard' }).fill('Mine');
  await expect(page.getByRole('alert')).toContainText('Someone else changed');
  await page.getByRole('button', { name: 'Show theirs' }).click();
  await expect(page.getByRole('textbox', { name: 'Name of the dashboard' })).toHaveValue('Theirs');
  await page.request.delete(`/api/documents/${stored.id}`);
  for (const complaint of complaints.splice(0)) expect(complaint).toContain('409');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in the ${colorScheme} theme`, () => {
    test.use({ colorScheme });

    test('axe finds nothing in Explore and on dashboards', async ({ page, api }) => {
      test.slow();
      const range = await settledRange(api, 60);
      await page.goto(at('/explore', { ...range, expr: 'sum(llm.request.count) by model' }));
      await expect(editor(page)).toBeVisible();
      await expect(answer(page).getByRole('slider')).toBeVisible();
      expect(await faults(page), 'expression').toEqual([]);
      await page.goto(at('/explore', { ...range, sql: 'SELECT model, count(*) AS n FROM spans GROUP BY ALL' }));
      await expect(answer(page).getByRole('table')).toBeVisible();
      await expect(editor(page)).toBeVisible();
      expect(await faults(page), 'SQL').toEqual([]);
      await page.goto('/dashboards');
      await expect(page.getByRole('button', { name: 'New dashboard' })).toBeVisible();
      expect(await faults(page), 'dashboards').toEqual([]);
    });
  });
}
