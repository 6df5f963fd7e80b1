// The whole loop: a LangChain application answers from documents, through a gateway and with traces; Weir judges the answers
// with a model, its monitors find them bad, a receiver is told, and the link in what it is told opens the trace at the claims.
//
// Real parts: Weir, LangChain with OpenInference, Chromium. The provider is scripted, so that what must come out is known.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from './weir';

/** Enough answers for a monitor to judge. */
const QUESTIONS = 12;
/** Monitors look at whole minutes, and at each only when it is over. */
const ALERT_WITHIN_MS = 240_000;

const ANSWER = 'You can return it within 30 days. You also get a voucher.';

/** What a careful judge says of the answer: one claim is in the handbook, one is made up. */
const VERDICTS = {
  claims: [
    {
      text: 'Goods can be returned within 30 days',
      quote: 'You can return it within 30 days.',
      verdict: 'supported',
      document: 0,
      evidence: 'Goods can be returned within 30 days of delivery.',
    },
    {
      text: 'The customer gets a voucher',
      quote: 'You also get a voucher.',
      verdict: 'not_supported',
      document: -1,
      evidence: '',
    },
  ],
};

interface Told {
  monitor: string;
  links: string[];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function freePort(): Promise<string> {
  const server = createServer();
  const { port } = new URL(await listening(server));
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A provider whose model answers questions in one way and judges them in another. */
function provider(): Server {
  return createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const asked = JSON.parse(body) as { model: string; response_format?: { type: string } };
      const isJudge = asked.response_format?.type === 'json_schema';
      const content = isJudge ? JSON.stringify(VERDICTS) : ANSWER;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          id: `chatcmpl-${Math.random().toString(36).slice(2)}`,
          object: 'chat.completion',
          created: Math.floor(Date.now() / 1000),
          model: asked.model,
          choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 60, completion_tokens: 14, total_tokens: 74 },
        }),
      );
    });
  });
}

/** Keeps what a webhook is told. */
function receiver(told: Told[]): Server {
  return createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { data } = JSON.parse(body) as {
        data: { alerts: { monitor: string; traces: { url: string }[] }[] };
      };
      for (const alert of data.alerts) told.push({ monitor: alert.monitor, links: alert.traces.map(({ url }) => url) });
      response.end();
    });
  });
}

const config = (upstream: string, hook: string) => `
[listeners]
otlp_grpc = "off"
otlp_http = "127.0.0.1:0"
datadog = "off"
dogstatsd = "off"

[providers.openai]
kind = "openai"
base_url = "${upstream}/v1"
api_key = { env = "UPSTREAM_KEY" }

[evaluation]
sample = 1
judge_model = "gpt-4o-mini"
settle_s = 1

[[monitors]]
name = "hallucination-proxy"
new_group_delay = "0s"

[[monitors]]
name = "rag-retrieval-quality"
new_group_delay = "0s"

[[receivers]]
name = "hook"
kind = "webhook"
url = "${hook}"
allow_private = true

[routing]
receiver = "hook"
group_wait = "0s"
`;

async function ended(child: ChildProcess, what: string): Promise<string> {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  expect(code, `${what}: ${said}`).toBe(0);
  return said;
}

test('a bad answer of a LangChain application is judged, told, and shown at its claims', async ({ page }) => {
  const [binary, clients] = [process.env['WEIR_BIN'] ?? '', process.env['WEIR_CLIENTS'] ?? ''];
  test.skip(binary === '' || clients === '', 'WEIR_BIN and WEIR_CLIENTS name what this test starts');
  test.setTimeout(ALERT_WITHIN_MS + 120_000);

  const told: Told[] = [];
  const servers = [provider(), receiver(told)] as const;
  const folder = await mkdtemp(join(tmpdir(), 'weir-loop-'));
  const port = await freePort();
  let weir: ChildProcess | undefined;
  try {
    const [upstream, hook] = [await listening(servers[0]), await listening(servers[1])];
    await writeFile(join(folder, 'weir.toml'), config(upstream, hook));
    const base = `http://127.0.0.1:${port}`;
    const files = ['--config', join(folder, 'weir.toml'), '--data-dir', join(folder, 'data')];
    const log = await open(join(folder, 'log'), 'w');
    weir = spawn(binary, ['serve', ...files, '--listen', `127.0.0.1:${port}`], {
      cwd: folder,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, UPSTREAM_KEY: 'sk-provider' },
    });
    const isReady = async () => {
      if (weir?.exitCode !== null) throw new Error(`Weir ended: ${await readFile(join(folder, 'log'), 'utf8')}`);
      const answer = await page.request.get(`${base}/healthz`).catch(() => null);
      return answer?.ok() ?? false;
    };
    await expect.poll(isReady, { timeout: 60_000 }).toBe(true);

    const app = join(import.meta.dirname, '../../clients/apps/rag.py');
    const python = join(clients, 'telemetry/bin/python');
    await ended(spawn(python, [app, base, base, String(QUESTIONS)]), 'the LangChain application');

    const monitors = () => [...new Set(told.map(({ monitor }) => monitor))].sort();
    await expect
      .poll(monitors, { timeout: ALERT_WITHIN_MS })
      .toEqual(expect.arrayContaining(['hallucination-proxy', 'rag-retrieval-quality']));

    const alert = told.find(({ monitor }) => monitor === 'hallucination-proxy');
    expect(alert?.links.length).toBeGreaterThan(0);
    await page.goto(alert?.links[0] ?? '');
    const span = page.locator('[data-panel="span"]');
    await expect(page.getByRole('tab', { selected: true })).toHaveText('Claims (2)');
    await expect(span).toContainText('1 of 2 claims supported');
    await expect(span.locator('[data-claim]').nth(0)).toContainText('Supported');
    await expect(span.locator('[data-claim]').nth(1)).toContainText('Not supported');
    await expect(span.locator('.answer mark')).toHaveText([
      'You can return it within 30 days.',
      'You also get a voucher.',
    ]);
    await expect(span.locator('[data-document="0"] mark')).toHaveText([
      'Goods can be returned within 30 days of delivery.',
    ]);
    await page.screenshot({ path: test.info().outputPath('claims.png'), fullPage: true });
  } finally {
    if (weir?.exitCode === null) {
      const gone = new Promise((resolve) => weir?.on('exit', resolve));
      weir.kill('SIGTERM');
      await gone;
    }
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await rm(folder, { recursive: true, force: true });
  }
});
