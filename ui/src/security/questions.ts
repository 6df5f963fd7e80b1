// What the Security section asks: one function for each panel.

import type { Question, Subject } from '../question/subject.svelte';
import type { Value } from '../chart/table';
import { INJECTION, PII_FOUND, SECRET_FOUND, VIOLATION } from '../calls/names';
import { groupLines, SERIES_MAX, shape, stack, type PanelContent } from '../question/charts';
import { breakdown, type Breakdown } from '../question/numbers';
import { numberOf, rows, textOf } from '../question/rows';
import { aggregate, measured, top, type Filters, type FilterTag } from '../query/expression';
import { during, literal, where } from '../query/sql';
import { tagged } from '../section/tagged';

/** The columns of the page's filters that the tables of spans and of scores have. */
export const SPAN_COLUMNS: readonly FilterTag[] = [
  'team',
  'app',
  'agent',
  'model',
  'provider',
  'env',
  'key_id',
];
export const SCORE_COLUMNS: readonly FilterTag[] = ['team', 'app', 'agent', 'model', 'provider', 'env'];

/** Errors of those who may not, or ask for what they must not have. */
const REFUSALS = [
  'authentication',
  'permission',
  'permission_denied',
  'content_filter',
  'unauthorized',
] as const;

/** The condition of the calls behind `refusals`. */
export const REFUSALS_SCOPE = `error_type IN (${REFUSALS.join(', ')})`;

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  risk: (filters: Filters) => aggregate('max', INJECTION, filters),
  flagged: (filters: Filters) => measured(`count(v: v > 0):${INJECTION}{*}`, filters),
  violations: (filters: Filters) => aggregate('sum', VIOLATION, filters),
  leaks: (filters: Filters) =>
    `default_zero(${aggregate('sum', SECRET_FOUND, filters)}) + default_zero(${aggregate('sum', PII_FOUND, filters)})`,
  refusals: (filters: Filters) => aggregate('sum', `llm.request.error{${REFUSALS_SCOPE}}`, filters),
} as const;

/** The highest risk that each pack of rules saw; what applications score themselves names no pack. */
export function injection(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return groupLines(aggregate('max', INJECTION, subject.filters, 'pack'), 'unknown', subject, signal);
}

export function risk(subject: Subject, signal: AbortSignal): Promise<Value[]> {
  return shape(TOTALS.risk(subject.filters), subject, signal);
}

export function violations(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const whole = aggregate('sum', VIOLATION, subject.filters);
  const groups = aggregate('sum', VIOLATION, subject.filters, 'agent');
  return stack({ whole, groups }, subject, signal);
}

export function refusals(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const groups = aggregate('sum', `llm.request.error{${REFUSALS_SCOPE}}`, subject.filters, 'error_type');
  return stack({ whole: TOTALS.refusals(subject.filters), groups }, subject, signal);
}

export function tokensByAgent(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const groups = aggregate('sum', 'llm.tokens.total', subject.filters, 'agent');
  return groupLines(top(SERIES_MAX, groups), 'zero', subject, signal);
}

export function agents(subject: Subject, signal: AbortSignal): Promise<Breakdown> {
  const whole = aggregate('sum', 'llm.tokens.total', subject.filters);
  const groups = aggregate('sum', 'llm.tokens.total', subject.filters, 'agent');
  return breakdown({ whole, groups, count: 12 }, subject, signal);
}

/** A session by how risky its prompts were. */
export interface Session {
  session: string;
  highest: number;
  flagged: number;
  prompts: number;
  lastAtMs: number;
}

const SESSIONS_MAX = 50;

/** Gauges and scores alike; a session that neither names cannot be listed. */
export const sessions: Question<Session[]> = async ({ interval, filters }, signal) => {
  const of = (table: string, narrowed: string[]) =>
    `SELECT tags['session'] AS session, value, time FROM ${table}
   WHERE ${[`name = ${literal(INJECTION)}`, during('time', interval), ...narrowed].join(' AND ')}`;
  const points = of('points', tagged(filters, SCORE_COLUMNS));
  const scores = of('scores', where(filters, SCORE_COLUMNS));
  const sql = `SELECT session, max(value) AS highest, count(*) FILTER (WHERE value > 0) AS flagged, count(*) AS prompts,
  epoch_ms(max(time)) AS last_at_ms
FROM (${points} UNION ALL ${scores})
WHERE session IS NOT NULL GROUP BY session HAVING highest > 0
ORDER BY highest DESC, flagged DESC LIMIT ${SESSIONS_MAX}`;
  return (await rows(sql, signal)).map((row) => ({
    session: textOf(row['session']) ?? '',
    highest: numberOf(row['highest']) ?? 0,
    flagged: numberOf(row['flagged']) ?? 0,
    prompts: numberOf(row['prompts']) ?? 0,
    lastAtMs: numberOf(row['last_at_ms']) ?? 0,
  }));
};

/** Something that a program wanted to be seen. */
export interface Event {
  atMs: number;
  title: string;
  text: string;
  level: string;
  source: string;
}

const EVENTS_MAX = 100;

export const events: Question<Event[]> = async ({ interval }, signal) => {
  const sql = `SELECT epoch_ms(time) AS at_ms, title, text, level, source FROM events
WHERE ${during('time', interval)} ORDER BY time DESC LIMIT ${EVENTS_MAX}`;
  return (await rows(sql, signal)).map((row) => ({
    atMs: numberOf(row['at_ms']) ?? 0,
    title: textOf(row['title']) ?? '',
    text: textOf(row['text']) ?? '',
    level: textOf(row['level']) ?? '',
    source: textOf(row['source']) ?? '',
  }));
};
