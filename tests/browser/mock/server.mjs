// A stand-in for Weir, for looking at the web app while it is built: serves ui/dist with Weir's content security policy
// and answers /api from made-up calls (calls.mjs). The tests of this folder run against a real Weir, not against this.
// Usage: node server.mjs [port] [data|empty|broken|slow]

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { callsIn, detail } from './calls.mjs';
import { parseFilter, parseQuery, evaluate, evaluateInstant } from './query.mjs';

const DIST = fileURLToPath(new URL('../../../ui/dist/', import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Older calls of a long range are not listed: the list would be a sample. */
const SPANS_WINDOW_MS = 40 * 60_000;

const port = Number(process.argv[2] ?? 7071);
const mode = process.argv[3] ?? 'data';

function api(url) {
  const params = url.searchParams;
  const range = { fromMs: instant(params.get('from')), toMs: instant(params.get('to')) };
  switch (url.pathname) {
    case '/api/status':
      return status();
    case '/api/query':
      if (mode === 'broken' && /duration/.test(params.get('expr'))) throw new Error('the store failed: disk is full');
      return evaluate(parseQuery(params.get('expr')), range, Number(params.get('step')));
    case '/api/query/instant':
      return evaluateInstant(parseQuery(params.get('expr')), range);
    case '/api/facets':
      return facets(params.get('tag'), range, parseFilter(params.get('filter') ?? ''), Number(params.get('limit')));
    case '/api/spans':
      return spans(range, parseFilter(params.get('filter') ?? ''), Number(params.get('limit') ?? 50));
    default: {
      const [, trace, span] = /^\/api\/spans\/(\w{32})\/(\w{16})$/.exec(url.pathname) ?? [];
      return trace ? detail(trace, span) : undefined;
    }
  }
}

/** Unix milliseconds or RFC 3339. */
function instant(text) {
  return /^\d+$/.test(text ?? '') ? Number(text) : Date.parse(text ?? '');
}

function status() {
  const now = Date.now();
  const kept = mode === 'empty' ? null : now - 30 * 86_400_000;
  return {
    version: '0.1.0',
    ready: true,
    not_ready: [],
    demo: mode !== 'empty',
    started_at_ms: now - 3_600_000,
    now_ms: now,
    listen: [`127.0.0.1:${port}`],
    first_span_at_ms: kept,
    last_span_at_ms: kept && now,
    store: {
      journal_bytes: 0,
      behind_appends: 0,
      records: { spans: 1, scores: 0, points: 0, events: 0 },
      failed_commits: 0,
      last_error: null,
    },
    upstreams: [],
  };
}

function spans({ fromMs, toMs }, matches, limit) {
  const recent = { fromMs: Math.max(fromMs, toMs - SPANS_WINDOW_MS), toMs };
  const found = callsIn(recent).filter(matches).reverse();
  const page = found.slice(0, limit).map((call) => detail(call.trace_id, call.span_id, true));
  return { spans: page, next: found.length > limit ? 'more' : null };
}

function facets(tag, range, matches, limit) {
  const counts = new Map();
  for (const call of callsIn(range).filter(matches)) {
    const value = call[tag];
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const values = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
  return { values: values.slice(0, limit) };
}

function file(pathname, response) {
  const wanted = join(DIST, normalize(pathname));
  const found = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, 'index.html');
  const type = TYPES[extname(found)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' });
  createReadStream(found).pipe(createGzip()).pipe(response);
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  response.setHeader('content-security-policy', CSP);
  if (!url.pathname.startsWith('/api/')) return file(url.pathname, response);
  const answer = () => {
    try {
      const body = api(url);
      response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { error: { code: 'not_found', message: 'there is no such thing' } }));
    } catch (error) {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 'internal', message: error.message } }));
    }
  };
  setTimeout(answer, mode === 'slow' && url.pathname !== '/api/status' ? 60_000 : 20);
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port} (${mode})`));
