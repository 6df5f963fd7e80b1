// As much of the expression language as the Overview uses, over the made-up calls.

import { callsIn } from './calls.mjs';

const METRICS = {
  'llm.request.count': { unit: 'count', value: () => 1 },
  'llm.request.error': { unit: 'count', value: (call) => (call.status === 'error' ? 1 : 0) },
  'llm.request.duration': { unit: 'ms', value: (call) => call.duration_ms },
  'llm.time_to_first_token': { unit: 'ms', value: (call) => call.ttft_ms },
  'llm.tokens.input': { unit: 'tokens', value: (call) => call.input },
  'llm.tokens.output': { unit: 'tokens', value: (call) => call.output },
  'llm.tokens.total': { unit: 'tokens', value: (call) => call.input + call.output },
  'llm.cost.usd': { unit: 'usd', value: (call) => call.cost_usd },
};

/** `top(8, sum(m) by tag where {…})` and what is inside of it. */
export function parseQuery(text) {
  const [, count, inner] = /^top\((\d+), (.*)\)$/.exec(text) ?? [undefined, undefined, text];
  const [, func, metric, by, scope] =
    /^(\w+)\(([\w.]+)\)(?: by (\w+))?(?: where \{(.*)\})?$/.exec(inner) ?? [];
  if (!METRICS[metric]) throw new Error(`unknown expression ${text}`);
  return { count: count && Number(count), func, metric, by, matches: parseFilter(scope ?? '') };
}

/** `team:a AND model IN (b, c)` */
export function parseFilter(text) {
  const conditions = text === '' ? [] : text.split(' AND ');
  const checks = conditions.map((condition) => {
    const [, tag, one, many] = /^(\w+)(?::(.*)| IN \((.*)\))$/.exec(condition) ?? [];
    const values = (many?.split(', ') ?? [one]).map((value) => value.replace(/^"(.*)"$/, '$1'));
    return (call) => values.includes(call[tag]);
  });
  return (call) => checks.every((check) => check(call));
}

export function evaluate(query, range, step) {
  const first = Math.floor(range.fromMs / step) * step;
  const groups = grouped(query, { fromMs: first, toMs: range.toMs });
  const series = groups.map(({ tags, calls }) => {
    const buckets = new Map();
    for (const call of calls) {
      const at = Math.floor(call.start_ms / step) * step;
      buckets.set(at, [...(buckets.get(at) ?? []), call]);
    }
    const points = [];
    for (let at = first; at < range.toMs; at += step) points.push([at, aggregate(query, buckets.get(at) ?? [])]);
    return { tags, points };
  });
  return { series, unit: unitOf(query), step_ms: step, notes: [] };
}

export function evaluateInstant(query, range) {
  const values = grouped(query, range).map(({ tags, calls }) => ({ tags, value: aggregate(query, calls) }));
  return { values, unit: unitOf(query), notes: [] };
}

function grouped(query, range) {
  const calls = callsIn(range).filter(query.matches);
  if (!query.by) return [{ tags: {}, calls }];
  const groups = new Map();
  for (const call of calls) {
    const value = call[query.by];
    if (value === null) continue;
    groups.set(value, [...(groups.get(value) ?? []), call]);
  }
  const ranked = [...groups].map(([value, found]) => ({ tags: { [query.by]: value }, calls: found }));
  ranked.sort((a, b) => aggregate(query, b.calls) - aggregate(query, a.calls));
  return query.count ? ranked.slice(0, query.count) : ranked;
}

function aggregate({ func, metric }, calls) {
  const { value } = METRICS[metric];
  if (func === 'sum') return calls.length === 0 ? null : calls.reduce((sum, call) => sum + value(call) * call.weight, 0);
  if (func === 'rate') return calls.length === 0 ? null : calls.filter((call) => value(call) > 0).length / calls.length;
  const sorted = calls.map(value).filter((one) => one !== null).sort((a, b) => a - b);
  const index = Math.ceil((Number(func.slice(1)) / 100) * sorted.length) - 1;
  return sorted[Math.max(0, index)] ?? null;
}

function unitOf({ func, metric }) {
  return func === 'rate' ? 'ratio' : METRICS[metric].unit;
}
