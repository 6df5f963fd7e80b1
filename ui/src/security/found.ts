// What was found beside injections: secrets and personal data, agents out of their scope, and what the guard decided.

import { bucketTimes, type ChartSeries } from '../chart/table';
import { PII_FOUND, SECRET_FOUND, VIOLATION } from '../calls/names';
import { reasonOf } from '../calls/reason';
import type { PanelContent } from '../question/charts';
import type { Compared } from '../question/numbers';
import { numberOf, rows, textOf, type Cell } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal, where } from '../query/sql';
import { isCovered, type Interval } from '../time/range';
import { SCORE_COLUMNS, SPAN_COLUMNS } from './questions';

/** Secrets or personal data of one kind in one app. */
export interface Leak {
  isSecret: boolean;
  kind: string;
  app: string | null;
  /** How many were found. */
  count: number;
  calls: number;
  lastAtMs: number;
  /** The last call with one. */
  traceId: string;
  spanId: string | null;
}

/** Secrets first, then by how many. */
export async function leaks({ interval, filters }: Subject, signal: AbortSignal): Promise<Leak[]> {
  const conditions = [
    `name IN (${literal(SECRET_FOUND)}, ${literal(PII_FOUND)})`,
    'value > 0',
    during('time', interval),
    ...where(filters, SCORE_COLUMNS),
  ];
  const sql = `SELECT name = ${literal(SECRET_FOUND)} AS is_secret, tags['kind'] AS kind, app, sum(value) AS count,
  count(DISTINCT trace_id || coalesce(span_id, '')) AS calls, epoch_ms(max(time)) AS last_at_ms,
  arg_max(trace_id, time) AS trace_id, arg_max(span_id, time) AS span_id
FROM scores WHERE ${conditions.join(' AND ')} GROUP BY ALL ORDER BY is_secret DESC, count DESC LIMIT 100`;
  return (await rows(sql, signal)).map((row) => ({
    isSecret: row['is_secret'] === true,
    kind: (textOf(row['kind']) ?? 'unnamed').replaceAll('_', ' '),
    app: textOf(row['app']),
    count: numberOf(row['count']) ?? 0,
    calls: numberOf(row['calls']) ?? 0,
    lastAtMs: numberOf(row['last_at_ms']) ?? 0,
    traceId: textOf(row['trace_id']) ?? '',
    spanId: textOf(row['span_id']),
  }));
}

/** Something that an agent did and may not. */
export interface Violation {
  atMs: number;
  traceId: string;
  spanId: string | null;
  agent: string | null;
  /** `tool`, `model` or `domain`. */
  what: string;
  summary: string;
}

export async function violationList(
  { interval, filters }: Subject,
  signal: AbortSignal,
): Promise<Violation[]> {
  const conditions = [
    `name = ${literal(VIOLATION)}`,
    'value > 0',
    during('time', interval),
    ...where(filters, SCORE_COLUMNS),
  ];
  const sql = `SELECT epoch_ms(time) AS at_ms, trace_id, span_id, agent, tags['what'] AS what, rationale
FROM scores WHERE ${conditions.join(' AND ')} ORDER BY time DESC LIMIT 100`;
  return (await rows(sql, signal)).map((row) => ({
    atMs: numberOf(row['at_ms']) ?? 0,
    traceId: textOf(row['trace_id']) ?? '',
    spanId: textOf(row['span_id']),
    agent: textOf(row['agent']),
    what: textOf(row['what']) ?? '',
    summary: reasonOf(textOf(row['rationale'])).summary,
  }));
}

/** What a guard can do about a call, the gravest last: stacks grow from what is only noted. */
const DECISIONS = [
  { action: 'flagged', label: 'flagged', color: '--series-2' },
  { action: 'would_block', label: 'would block', color: '--series-4' },
  { action: 'blocked', label: 'blocked', color: '--series-bad' },
] as const;

/** Decisions of the guard over time. */
export async function decisions(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const { interval, stepMs } = subject;
  const decided = await rows(
    decisionSql(`epoch_ms(start_time) // ${stepMs} * ${stepMs} AS at_ms, `, interval, subject),
    signal,
  );
  return stackOf(decided, interval, stepMs);
}

/** Counts of actions as a stack; what no guard did yet has no layer. */
export function stackOf(
  decided: readonly Record<string, Cell>[],
  interval: Interval,
  stepMs: number,
): PanelContent {
  const timesMs = bucketTimes(interval, stepMs);
  const series = DECISIONS.flatMap(({ action, label, color }): ChartSeries[] => {
    const own = decided.filter((row) => row['action'] === action);
    if (own.length === 0) return [];
    const values = new Array<number>(timesMs.length).fill(0);
    for (const row of own) {
      const at = Math.floor(((numberOf(row['at_ms']) ?? 0) - (timesMs[0] ?? 0)) / stepMs);
      if (at >= 0 && at < values.length) values[at] = numberOf(row['count']) ?? 0;
    }
    return [{ key: action, label, color, values }];
  });
  return { data: { timesMs, stepMs, unit: 'count', series }, notes: [] };
}

/** Calls that the guard stopped, or would have. */
export async function stopped(subject: Subject, signal: AbortSignal): Promise<Compared> {
  const isComparable = isCovered(subject.earlier, subject.sinceMs);
  const count = async (interval: Interval) => {
    const decided = await rows(decisionSql('', interval, subject), signal);
    return decided
      .filter((row) => row['action'] !== 'flagged')
      .reduce((sum, row) => sum + (numberOf(row['count']) ?? 0), 0);
  };
  const [current, earlier] = await Promise.all([
    count(subject.interval),
    isComparable ? count(subject.earlier) : null,
  ]);
  return { current, earlier, isComparable };
}

function decisionSql(bucket: string, interval: Interval, { filters }: Subject): string {
  const conditions = [
    `policy LIKE '%"guard"%'`,
    'same_as IS NULL',
    during('start_time', interval),
    ...where(filters, SPAN_COLUMNS),
  ];
  const kept = bucket === '' ? '' : 'at_ms, ';
  return `SELECT ${kept}json_extract_string(one, '$.action') AS action, count(*) AS count
FROM (SELECT ${bucket}unnest(json_extract(policy, '$[*]')) AS one FROM spans WHERE ${conditions.join(' AND ')})
WHERE json_extract_string(one, '$.policy') = 'guard' GROUP BY ALL`;
}
