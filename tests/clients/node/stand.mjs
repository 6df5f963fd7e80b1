// What the Node tests stand on. `run.py` starts the simulated provider and Weir and says where they are.
//
// Clients are unmodified; each is given a `fetch` that keeps a copy of what arrived, byte for byte.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

const DEADLINE_MS = 30_000;

const weirUrl = required("WEIR_URL");
const simulatorUrl = required("SIMULATOR_URL");

let nextSeed = 50_000;

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run tests/clients/run.sh`);
  return value;
}

/** A `fetch` that records, and its records. */
function recorder() {
  const exchanges = [];
  const recordingFetch = async (url, options) => {
    const response = await fetch(url, options);
    const [copy, given] = response.body ? response.body.tee() : [null, null];
    const body = copy ? new Response(copy).arrayBuffer() : Promise.resolve(new ArrayBuffer(0));
    const exchange = {
      path: new URL(url).pathname,
      request: JSON.parse(options.body),
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: body.then((bytes) => Buffer.from(bytes)),
    };
    exchanges.push(exchange);
    return new Response(given, response);
  };
  return { fetch: recordingFetch, exchanges };
}

/** Runs a case directly and through Weir, and checks that bytes and headers are the same.
 *
 * A case is a function of `{ url, headers, fetch }`. Returns both results, the exchanges and the spans. */
export async function compare(run, sim = "") {
  const headers = { "x-sim": `seed=${nextSeed++};${sim}` };
  const direct = recorder();
  const directResult = await run({ url: simulatorUrl, headers, fetch: direct.fetch });
  const through = recorder();
  const result = await run({ url: weirUrl, headers, fetch: through.fetch });
  assert.equal(through.exchanges.length, direct.exchanges.length);
  for (const [at, exchange] of through.exchanges.entries()) {
    const other = direct.exchanges[at];
    assert.equal(exchange.path, other.path);
    assert.equal(exchange.status, other.status);
    assert.deepEqual(providerHeaders(exchange), providerHeaders(other));
    const [mine, theirs] = [await exchange.body, await other.body];
    assert.ok(mine.equals(theirs), `the bytes differ:\n${mine}\n---\n${theirs}`);
  }
  const spans = [];
  for (const exchange of through.exchanges) spans.push(await span(exchange.headers["weir-span-id"]));
  return { direct: directResult, result, exchanges: through.exchanges, spans };
}

function providerHeaders(exchange) {
  const hop = ["date", "connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"];
  const kept = Object.entries(exchange.headers).filter(
    ([name]) => !hop.includes(name) && !name.startsWith("weir-"),
  );
  return Object.fromEntries(kept);
}

/** The span of this id, as soon as it is stored. */
export async function span(id) {
  assert.match(id, /^[0-9a-f]{16}$/);
  const [found] = await rows(`SELECT * FROM spans WHERE span_id = '${id}'`, 1, `span ${id}`);
  return found;
}

/** The spans of a trace, as soon as there are this many. */
export async function spansOfTrace(id, count) {
  assert.match(id, /^[0-9a-f]{32}$/);
  return rows(`SELECT * FROM spans WHERE trace_id = '${id}'`, count, `${count} spans of trace ${id}`);
}

/** The rows of a statement, as soon as there are this many. */
async function rows(sql, count, what) {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await pause(20)) {
    const response = await fetch(`${weirUrl}/api/sql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sql }),
    });
    const table = await response.json();
    assert.ok(table.rows, JSON.stringify(table));
    if (table.rows.length >= count) {
      const names = table.columns.map((column) => column.name);
      return table.rows.map((row) => Object.fromEntries(row.map((value, at) => [names[at], value])));
    }
  }
  throw new Error(`${what} not stored within ${DEADLINE_MS} ms`);
}

// US dollars for a million tokens, from the providers' price pages.
const PRICES = {
  "gpt-4o": { input: 2.5, cached: 1.25, output: 10 },
  "claude-sonnet-4-6": { input: 3, cached: 0.3, output: 15 },
  "text-embedding-3-small": { input: 0.02, cached: 0, output: 0 },
};

/** Checks what every good span says. `usage` is what the provider stated: `{ input, cached, output }`. */
export function checkSpan(stored, { model, provider, usage, stream, finish, messages }) {
  const price = PRICES[model];
  const cached = usage.cached ?? 0;
  // Dollars for a million tokens are thousands of nano-dollars for one; the prices here have at most three decimals.
  const cost = Math.round(
    (usage.input - cached) * price.input * 1000 + cached * price.cached * 1000 + (usage.output ?? 0) * price.output * 1000,
  );
  const said = {
    status: stored.status,
    http_status: stored.http_status,
    provider: stored.provider,
    model: stored.model,
    input_tokens: Number(stored.input_tokens),
    output_tokens: stored.output_tokens === null ? undefined : Number(stored.output_tokens),
    cost_nano_usd: Number(stored.cost_nano_usd),
    tokens_estimated: stored.tokens_estimated,
    stream: stored.stream,
    finish_reason: stored.finish_reason,
    has_ttft: stored.ttft_us !== null,
  };
  assert.deepEqual(said, {
    status: "ok",
    http_status: 200,
    provider,
    model,
    input_tokens: usage.input,
    output_tokens: usage.output,
    cost_nano_usd: cost,
    tokens_estimated: false,
    stream,
    finish_reason: finish ?? null,
    has_ttft: stream,
  });
  assert.deepEqual(JSON.parse(stored.input), messages);
}
