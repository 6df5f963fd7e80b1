// A recorded trace, replayed through the gateway as a user would: what the page shows afterwards is what the file holds.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, loaded, overview, test, type Answer, type Api, type FixedRange } from './weir';

const TRACE = fileURLToPath(new URL('../../../data/demo/azure_llm_2023_conv_sample.csv', import.meta.url));
const CALLS = 200;
/** Nobody in the demo uses it: every call of it is one of the replay. */
const MODEL = 'gpt-4-turbo';
const MINUTE_MS = 60_000;

interface Totals {
  requests: number;
  input: number;
  output: number;
}

/** What the first calls of the trace add up to. */
function totalsOfTrace(): Totals {
  const rows = readFileSync(TRACE, 'utf8').trim().split('\n').slice(1, 1 + CALLS);
  const cells = rows.map((row) => row.split(',').map(Number));
  const sum = (column: number) => cells.reduce((all, row) => all + (row[column] ?? Number.NaN), 0);
  return { requests: rows.length, input: sum(1), output: sum(2) };
}

/** What Weir says the calls of the replay's model add up to, minute by minute. */
async function totalsOfWeir(api: Api, range: FixedRange): Promise<Totals> {
  const total = async (metric: string) => {
    const answer = await api.get<Answer>('/api/query', {
      expr: `sum(${metric}) where {model:${MODEL}}`,
      step: '1m',
      ...range,
    });
    return answer.series.flatMap(({ points }) => points).reduce((sum, [, value]) => sum + (value ?? 0), 0);
  };
  const [requests, input, output] = await Promise.all(
    ['llm.request.count', 'llm.tokens.input', 'llm.tokens.output'].map(total),
  );
  return { requests: requests ?? 0, input: input ?? 0, output: output ?? 0 };
}

/** Replays the trace with a key of its own, so that no round is answered with what another one left in the cache; what was said. */
async function replayed(weir: string, server: string, key: string): Promise<string> {
  const args = ['replay', TRACE, '--limit', String(CALLS), '--speed', 'max', '--model', MODEL];
  const child = promisify(execFile)(weir, [...args, '--key', key, '--server', server], { timeout: 200_000 });
  // A replay with failed calls says so, and ends with a status of its own.
  const { stdout, stderr } = await child.catch((error: { stdout?: string; stderr?: string }) => error);
  return `${stdout}${stderr}`;
}

test('the page shows a replayed trace, to the call and the token', async ({ page, api, baseURL }) => {
  const weir = process.env['WEIR_BIN'];
  if (!weir || !baseURL) throw new Error('set WEIR_BIN to the weir that replays the trace');
  // Some hundred calls of some seconds each, dozens at a time.
  test.setTimeout(420_000);
  const { now_ms: nowMs } = await api.status();
  const fromMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const range = { from: new Date(fromMs).toISOString(), to: new Date(fromMs + 15 * MINUTE_MS).toISOString() };
  let before: Totals = { requests: 0, input: 0, output: 0 };
  let round = 0;
  // The demo's provider has bad minutes on a timetable of its own: some of the calls that meet one fail, however often the
  // gateway tries them again. A replay that met one is made once more.
  await expect(async () => {
    before = await totalsOfWeir(api, range);
    round += 1;
    const said = await replayed(weir, baseURL, `replay-${round}`);
    // The last records reach the store a moment after their answers reach the client.
    const requests = async () => (await totalsOfWeir(api, range)).requests;
    await expect.poll(requests, { timeout: 60_000 }).toBe(before.requests + CALLS);
    expect(said).toContain(`${CALLS} answered, 0 failed`);
  }).toPass({ timeout: 300_000 });

  const trace = totalsOfTrace();
  const expected = {
    requests: before.requests + trace.requests,
    input: before.input + trace.input,
    output: before.output + trace.output,
  };
  await expect.poll(() => totalsOfWeir(api, range)).toEqual(expected);

  await page.goto(overview({ ...range, model: MODEL }));
  await loaded(page);
  await expect(page.locator('[data-number="requests"]')).toHaveAttribute('data-value', String(expected.requests));
  await expect(page.locator('[data-number="tokens"]')).toHaveAttribute(
    'data-value',
    String(expected.input + expected.output),
  );
  // The chart of tokens, read as a table: its minutes add up to the file.
  await page.getByRole('button', { name: 'Tokens as a table' }).click();
  const table = page.getByRole('region', { name: 'Tokens, as a table' });
  const rows = await table.getByRole('row').evaluateAll((all) =>
    all.slice(1).map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')),
  );
  const shown = (column: number) =>
    rows.reduce((sum, cells) => sum + Number((cells[column] ?? '').replaceAll(/\D/g, '')), 0);
  expect([shown(0), shown(1)]).toEqual([expected.input, expected.output]);
});
