#!/usr/bin/env node
// Times what each page of the web app asks of a running Weir, in Chromium: the slowest request of the page, and how
// long after it was opened its last answer arrived.
//
//     bench/screens.mjs --data DIR [--rounds 3] [--screens /,/health] [--ranges 1h,30d] [--slow N]
//     bench/screens.mjs --url http://127.0.0.1:8080
//
// `--data` is a folder that `store_bench query --dir …` filled: a Weir is started on it, on a free port and without
// listeners for telemetry, and ended by its id. Ranges end with the newest span, so that any age of the folder gives the
// same pages. Each page is opened anew in a context of its own, and medians of the rounds are printed; `--slow N` also
// prints the N slowest kinds of requests. Everything shares the machine: the browser, Weir, and whoever else is on it.
//
// Environment: BIN_DIR, where `weir` was built (target/release); CHROMIUM_PATH; PLAYWRIGHT_CORE, the module's file (that
// of tests/browser unless said).

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const HOUR_MS = 3_600_000;
const RANGES_MS = { '1h': HOUR_MS, '24h': 24 * HOUR_MS, '7d': 7 * 24 * HOUR_MS, '30d': 30 * 24 * HOUR_MS };
const SCREENS = ['/', '/health', '/quality', '/cost', '/security', '/traces', '/coverage', '/cache', '/monitors', '/explore'];

/** A page is ready when nothing was under way for this long: neither questions nor parts of the page. */
const QUIET_MS = 700;
/** Longer than any answer may take. */
const READY_WITHIN_MS = 120_000;

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    url: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    screens: { type: 'string', default: SCREENS.join(',') },
    ranges: { type: 'string', default: Object.keys(RANGES_MS).join(',') },
    slow: { type: 'string', default: '0' },
  },
});

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

function freePort() {
  return new Promise((give) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => give(port));
    });
  });
}

/** Starts a Weir on the folder; gives its address and how to end it. */
async function start(data) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'weir-screens.'));
  const off = ['otlp_grpc', 'otlp_http', 'datadog', 'dogstatsd'].map((name) => `${name} = "off"`);
  const server = `[server]\nlisten = "127.0.0.1:${port}"\ndata_dir = "${resolve(data)}"\n`;
  // Nothing is forgotten because the folder has become old.
  const kept = ['spans_days', 'bodies_days', 'cells_1m_days', 'cells_1h_days'].map((name) => `${name} = 3000`);
  const parts = [server, '[listeners]', ...off, '[store.retention]', ...kept, ''];
  writeFileSync(join(folder, 'weir.toml'), parts.join('\n'));
  const weir = join(process.env.BIN_DIR ?? join(HERE, '../target/release'), 'weir');
  const child = spawn(weir, ['serve', '--config', join(folder, 'weir.toml')], { stdio: ['ignore', 'inherit', 'inherit'] });
  let ended = false;
  const exit = new Promise((give) => child.on('exit', () => give((ended = true))));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (ended) throw new Error('weir ended before it was ready');
    if (await fetch(`${url}/healthz`).then((answer) => answer.ok, () => false)) break;
    await new Promise((go) => setTimeout(go, 100));
  }
  const stop = async () => {
    child.kill();
    await exit;
    rmSync(folder, { recursive: true });
  };
  return { url, stop };
}

/** The end of what is asked about: just after the newest span. */
async function newest(url) {
  const statement = 'SELECT epoch_ms(max(start_time)) FROM spans';
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/sql`, { method: 'POST', headers, body: JSON.stringify({ sql: statement }) });
  if (!answer.ok) throw new Error(`cannot ask for the newest span: ${await answer.text()}`);
  return Number((await answer.json()).rows[0][0]) + 1;
}

/** What a request asks, without its times: requests of one kind are compared by it. */
function kind(url) {
  const { pathname, searchParams } = new URL(url);
  const kept = [...searchParams].filter(([name]) => !['from', 'to', 'tz'].includes(name));
  return `${pathname} ${kept.map(([name, value]) => `${name}=${value}`).join(' ')}`.trim();
}

/** Opens one page in a context of its own, and waits until it asks nothing any more. */
async function visit(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const asked = new Map();
  const answers = [];
  let changedAt = performance.now();
  page.on('request', (request) => {
    if (request.resourceType() !== 'eventsource') asked.set(request, (changedAt = performance.now()));
  });
  const done = (request, failed) => {
    const since = asked.get(request);
    if (since === undefined) return;
    asked.delete(request);
    changedAt = performance.now();
    if (!new URL(request.url()).pathname.startsWith('/api/')) return;
    answers.push({ kind: kind(request.url()), ms: changedAt - since, at: changedAt, failed });
  };
  page.on('requestfinished', async (request) => {
    const answer = await request.response();
    done(request, answer === null || answer.status() >= 400);
  });
  page.on('requestfailed', (request) => done(request, true));
  const openedAt = performance.now();
  await page.goto(address, { waitUntil: 'load' });
  changedAt = performance.now();
  while (asked.size > 0 || performance.now() - changedAt < QUIET_MS) {
    if (performance.now() - openedAt > READY_WITHIN_MS) throw new Error(`${address} is not ready: ${[...asked.keys()].map((r) => kind(r.url()))}`);
    await new Promise((go) => setTimeout(go, 20));
  }
  await context.close();
  const ready = Math.max(0, ...answers.map((answer) => answer.at)) - openedAt;
  return { answers, ready: Math.max(0, ready) };
}

async function main() {
  if ((options.data === undefined) === (options.url === undefined)) throw new Error('give either --data or --url');
  const playwright = process.env.PLAYWRIGHT_CORE ?? join(HERE, '../tests/browser/node_modules/playwright-core/index.mjs');
  const { chromium } = await import(pathToFileURL(playwright));
  const weir = options.data === undefined ? { url: options.url, stop: async () => {} } : await start(options.data);
  const quiet = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: quiet });
  const kinds = new Map();
  try {
    const to = await newest(weir.url);
    await visit(browser, weir.url);
    console.log('| screen | range | requests | slowest request | ready | the slowest asks |\n|---|---|---|---|---|---|');
    for (const screen of options.screens.split(',')) {
      for (const range of options.ranges.split(',')) {
        const ends = { from: new Date(to - RANGES_MS[range]).toISOString(), to: new Date(to).toISOString() };
        const address = `${weir.url}${screen}?${new URLSearchParams(ends)}`;
        const rounds = [];
        for (let round = 0; round < Number(options.rounds); round += 1) rounds.push(await visit(browser, address));
        const slowest = rounds.map(({ answers }) => answers.toSorted((a, b) => b.ms - a.ms)[0]);
        const failed = rounds.flatMap(({ answers }) => answers.filter((answer) => answer.failed));
        const cells = [
          screen,
          range,
          rounds[0].answers.length,
          `${median(slowest.map((answer) => answer?.ms ?? 0)).toFixed(0)} ms`,
          `${median(rounds.map(({ ready }) => ready)).toFixed(0)} ms`,
          `${slowest[0]?.kind ?? '-'}${failed.length > 0 ? ` (${failed.length} FAILED, such as ${failed[0].kind})` : ''}`.replaceAll('|', '\\|'),
        ];
        console.log(`| ${cells.join(' | ')} |`);
        for (const answer of rounds.flatMap(({ answers }) => answers)) {
          const name = `${screen} ${range} ${answer.kind}`;
          kinds.set(name, [...(kinds.get(name) ?? []), answer.ms]);
        }
      }
    }
  } finally {
    await browser.close();
    await weir.stop();
  }
  const slow = [...kinds].map(([name, times]) => [median(times), name]).sort((a, b) => b[0] - a[0]);
  for (const [ms, name] of slow.slice(0, Number(options.slow))) console.log(`${ms.toFixed(0).padStart(6)} ms  ${name}`);
}

await main();
