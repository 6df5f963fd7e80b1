// The worst judgements of the range, each with what was asked and why it was judged so.

import { promptPreview } from '../calls/messages';
import { reasonOf } from '../calls/reason';
import { PROBE_PASSED } from '../calls/names';
import { numberOf, rows, textOf } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal, where } from '../query/sql';
import { isMoreWorse, OF_OTHER_KINDS } from './checks';
import { FAITHFUL_FROM, SCORE_COLUMNS } from './questions';

/** A judgement of one call or trace. */
export interface Judged {
  atMs: number;
  traceId: string;
  spanId: string | null;
  name: string;
  value: number;
  judge: string;
  app: string | null;
  /** What was asked, on one line; empty where it was not kept. */
  question: string;
  why: string;
}

const WORST_MAX = 50;

/** So much of an input holds what was asked last, in all but long conversations. */
const INPUT_CHARS = 4_000;

/**
 * The worst judgement of each trace, by one name or by all of which less is worse and which go from 0 to 1. A probe has
 * a panel of its own.
 */
export async function worst(name: string, subject: Subject, signal: AbortSignal): Promise<Judged[]> {
  const { interval, filters } = subject;
  const direction = isMoreWorse(name) ? 'DESC' : 'ASC';
  // Users' thumbs are the lowest scores of all, and many; what a judge can explain tells more.
  const isExplained = `(value < ${FAITHFUL_FROM} AND rationale IS NOT NULL) DESC`;
  const order = `${name === '' ? `${isExplained}, ` : ''}value ${direction}, time DESC`;
  const others = [PROBE_PASSED, ...OF_OTHER_KINDS].map(literal).join(', ');
  const wanted = name === '' ? `s.name NOT IN (${others}) AND s.value <= 1` : `s.name = ${literal(name)}`;
  const conditions = [
    during('s.time', interval),
    's.value IS NOT NULL',
    wanted,
    ...where(filters, SCORE_COLUMNS, 's.'),
  ];
  const sql = `WITH worst AS (
  SELECT s.* FROM scores s WHERE ${conditions.join(' AND ')}
  QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY ${order}) = 1
  ORDER BY ${order} LIMIT ${WORST_MAX}
)
SELECT epoch_ms(w.time) AS at_ms, w.trace_id, w.span_id, w.name, w.value, w.judge, w.app,
  left(w.rationale, 20000) AS rationale, left(p.input, ${INPUT_CHARS}) AS input
FROM worst w LEFT JOIN spans p ON p.trace_id = w.trace_id AND p.span_id = w.span_id
ORDER BY ${order.replaceAll(/\b(value|rationale|time)\b/g, 'w.$1')}`;
  return (await rows(sql, signal)).map((row) => {
    const judge = textOf(row['judge']) ?? '';
    return {
      atMs: numberOf(row['at_ms']) ?? 0,
      traceId: textOf(row['trace_id']) ?? '',
      spanId: textOf(row['span_id']),
      name: textOf(row['name']) ?? '',
      value: numberOf(row['value']) ?? 0,
      judge,
      app: textOf(row['app']),
      question: promptPreview(textOf(row['input'])).slice(0, 300),
      why: reasonOf(textOf(row['rationale'])).summary || `judged by ${judge}`,
    };
  });
}
