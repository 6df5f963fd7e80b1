// Calls whose texts were flagged, each with what matched in its surroundings, and the kinds of attempts.

import type { Span } from '../api/types';
import { located } from '../calls/findings';
import { asArray, asText, parseJson } from '../calls/json';
import { around, placeOf } from '../calls/marks';
import { INJECTION } from '../calls/names';
import { reasonOf, type Match } from '../calls/reason';
import type { Subject } from '../question/subject.svelte';
import { numberOf, rows, textOf } from '../question/rows';
import { during, literal, where } from '../query/sql';
import { SCORE_COLUMNS } from './questions';

/** What matched, within the words around it. */
export interface Excerpt {
  match: Match;
  before: string;
  marked: string;
  after: string;
}

/** A call that was flagged, by whichever packs. */
export interface Flagged {
  atMs: number;
  traceId: string;
  spanId: string | null;
  value: number;
  packs: string;
  app: string | null;
  agent: string | null;
  session: string | null;
  /** What the judges say in a sentence; empty where they say nothing. */
  summary: string;
  excerpts: readonly Excerpt[];
  /** Matches beyond those that are shown. */
  more: number;
}

const FLAGGED_MAX = 40;
const EXCERPTS_MAX = 3;
/** What is read around a match. */
const AROUND_UNITS = 70;
/** Longer contents are not fetched for a list; the trace shows them whole. */
const CONTENT_CHARS_MAX = 60_000;

/** The riskiest calls, the newest first among equals. */
export async function flagged({ interval, filters }: Subject, signal: AbortSignal): Promise<Flagged[]> {
  const conditions = [
    `name = ${literal(INJECTION)}`,
    'value > 0',
    during('time', interval),
    ...where(filters, SCORE_COLUMNS),
  ];
  const content = (column: string) =>
    `CASE WHEN length(p.${column}) <= ${CONTENT_CHARS_MAX} THEN p.${column} END AS ${column}`;
  const sql = `WITH flagged AS (
  SELECT trace_id, span_id, max(value) AS value, max(time) AS time, any_value(app) AS app, any_value(agent) AS agent,
    any_value(tags['session']) AS session, string_agg(DISTINCT coalesce(tags['pack'], label, judge), ', ') AS packs,
    to_json(list(left(rationale, 20000)))::VARCHAR AS rationales
  FROM scores WHERE ${conditions.join(' AND ')}
  GROUP BY trace_id, span_id ORDER BY value DESC, time DESC LIMIT ${FLAGGED_MAX}
)
SELECT f.*, epoch_ms(f.time) AS at_ms, ${['input', 'output', 'documents', 'tools'].map(content).join(', ')}
FROM flagged f LEFT JOIN spans p ON p.trace_id = f.trace_id AND p.span_id = f.span_id
ORDER BY f.value DESC, f.time DESC`;
  return (await rows(sql, signal)).map((row) => {
    const reasons = (asArray(parseJson(textOf(row['rationales']) ?? '')) ?? []).map((one) =>
      reasonOf(asText(one) ?? null),
    );
    const contents = {
      input: textOf(row['input']),
      output: textOf(row['output']),
      documents: textOf(row['documents']),
      tools: textOf(row['tools']),
    };
    const matches = distinct(reasons.flatMap((reason) => reason.matches));
    return {
      atMs: numberOf(row['at_ms']) ?? 0,
      traceId: textOf(row['trace_id']) ?? '',
      spanId: textOf(row['span_id']),
      value: numberOf(row['value']) ?? 0,
      packs: textOf(row['packs']) ?? '',
      app: textOf(row['app']),
      agent: textOf(row['agent']),
      session: textOf(row['session']),
      summary: [...new Set(reasons.map((reason) => reason.summary))].filter((one) => one !== '').join('; '),
      excerpts: matches.slice(0, EXCERPTS_MAX).map((match) => excerpt(contents, match)),
      more: Math.max(0, matches.length - EXCERPTS_MAX),
    };
  });
}

/** One match of several packs at the same place is told once, by the heaviest; heavier ones first. */
export function distinct(matches: readonly Match[]): Match[] {
  const sorted = [...matches].sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  const seen = new Set<string>();
  return sorted.filter(({ place, path, bytes, text }) => {
    const key = JSON.stringify([place, path, bytes ?? text]);
    return !seen.has(key) && seen.add(key);
  });
}

/** A match in its surroundings; alone where its text was not kept. */
export function excerpt(
  contents: Pick<Span, 'input' | 'output' | 'documents' | 'tools'>,
  match: Match,
): Excerpt {
  const { text, units } = located(contents, match, '');
  if (text === undefined || !units) return { match, before: '', marked: match.text, after: '' };
  return { match, ...around(text, units, AROUND_UNITS) };
}

/** Whether the words of a match say what is hidden in them: base64 does not, look-alike characters do. */
export function isReadable({ match, marked }: Excerpt): boolean {
  return match.text === '' || placeOf(match.text, marked) !== undefined;
}

/** One kind of attempt. */
export interface Category {
  category: string;
  calls: number;
  /** Of all flagged calls; those of several kinds count for each. */
  share: number;
  rules: string;
  /** How they were hidden; empty where none was. */
  hidden: string;
}

export async function categories({ interval, filters }: Subject, signal: AbortSignal): Promise<Category[]> {
  const conditions = [
    `name = ${literal(INJECTION)}`,
    'value > 0',
    during('time', interval),
    ...where(filters, SCORE_COLUMNS),
  ];
  const field = (name: string) => `json_extract_string(m, '$.${name}') AS ${name}`;
  const sql = `WITH scored AS (
  SELECT trace_id || coalesce(span_id, '') AS call,
    unnest(CASE WHEN json_valid(rationale) THEN json_extract(rationale, '$.matches[*]') END) AS m
  FROM scores WHERE ${conditions.join(' AND ')}
), matched AS (
  SELECT call, ${['category', 'rule', 'via'].map(field).join(', ')} FROM scored
)
SELECT category, count(DISTINCT call) AS calls, string_agg(DISTINCT rule, ', ' ORDER BY rule) AS rules,
  string_agg(DISTINCT via, ', ' ORDER BY via) AS hidden, (SELECT count(DISTINCT call) FROM matched) AS all_calls
FROM matched GROUP BY category ORDER BY calls DESC, category LIMIT 30`;
  return (await rows(sql, signal)).map((row) => {
    const calls = numberOf(row['calls']) ?? 0;
    return {
      category: textOf(row['category']) ?? 'none',
      calls,
      share: calls / Math.max(1, numberOf(row['all_calls']) ?? 1),
      rules: textOf(row['rules']) ?? '',
      hidden: textOf(row['hidden']) ?? '',
    };
  });
}
