// Weir's own judges at work: what each judged, and what asking models for it cost.

import { INJECTION, PII_FOUND, PROBE_PASSED, SECRET_FOUND, VIOLATION } from '../calls/names';
import { exact, money } from '../format/quantity';
import { numberOf, rows, textOf } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal, where } from '../query/sql';
import { scoreName } from './checks';
import { SCORE_COLUMNS } from './questions';

/** The agent that calls of judges are made as. */
const EVALUATOR = 'weir-evaluator';

/** What one judge said under one name. */
export interface Judge {
  /** `faithfulness@1 (local)` */
  judge: string;
  what: string;
  count: number;
  lastAtMs: number;
}

export interface Judges {
  judges: readonly Judge[];
  /** What asking models for it took, in a sentence; empty where none was asked. */
  asked: string;
}

/** Guards and probes have panels of their own. */
const OTHERS = [INJECTION, VIOLATION, SECRET_FOUND, PII_FOUND, PROBE_PASSED];

export async function judgesAtWork({ interval, filters }: Subject, signal: AbortSignal): Promise<Judges> {
  const conditions = [
    "judge LIKE 'weir/%'",
    `name NOT IN (${OTHERS.map(literal).join(', ')})`,
    during('time', interval),
    ...where(filters, SCORE_COLUMNS),
  ];
  const said = `SELECT judge, name, count(*) AS count, epoch_ms(max(time)) AS last_at_ms
FROM scores WHERE ${conditions.join(' AND ')} GROUP BY judge, name ORDER BY count DESC, judge LIMIT 60`;
  // Whose answers were judged is not said there: calls of judges are of the evaluator, whatever the page is narrowed to.
  const calls = `SELECT count(*) AS calls, count(*) FILTER (WHERE status = 'error') AS failed,
  sum(cost_nano_usd) / 1e9 AS usd
FROM spans WHERE (source = 'evaluator' OR agent = ${literal(EVALUATOR)}) AND kind = 'llm' AND same_as IS NULL
  AND ${during('start_time', interval)}`;
  const [judged, [asked]] = await Promise.all([rows(said, signal), rows(calls, signal)]);
  return {
    judges: judged.map((row) => ({
      judge: (textOf(row['judge']) ?? '').replace(/^weir\//, ''),
      what: scoreName(textOf(row['name']) ?? ''),
      count: numberOf(row['count']) ?? 0,
      lastAtMs: numberOf(row['last_at_ms']) ?? 0,
    })),
    asked: sentence(
      numberOf(asked?.['calls']) ?? 0,
      numberOf(asked?.['failed']) ?? 0,
      numberOf(asked?.['usd']),
    ),
  };
}

/** `Models were asked 1,200 times for it, of which 3 failed, for $0.42.` */
export function sentence(calls: number, failed: number, usd: number | null): string {
  if (calls === 0) return '';
  const times = calls === 1 ? 'once' : `${exact(calls)} times`;
  const failures = failed === 0 ? '' : `, of which ${exact(failed)} failed`;
  const cost = usd === null ? '' : `, for ${money(usd)}`;
  return `Models were asked ${times} for it${failures}${cost}.`;
}
