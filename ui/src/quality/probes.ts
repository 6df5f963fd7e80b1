// Probes: prompts that Weir asks on a schedule, and whether the answers were as expected.

import { PROBE_PASSED } from '../calls/names';
import { reasonOf } from '../calls/reason';
import { numberOf, rows, textOf } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal } from '../query/sql';

/** A probe against one model. */
export interface Probe {
  probe: string;
  model: string;
  /** Whether the last answer was as expected. */
  isPassed: boolean;
  /** The share of answers of the range that were. */
  share: number;
  count: number;
  lastAtMs: number;
  /** What did not hold the last time that something did not; empty where everything always held. */
  failed: string;
  /** The trace of that time, or of the last. */
  traceId: string;
}

/** Failing ones first. */
export async function probes({ interval }: Subject, signal: AbortSignal): Promise<Probe[]> {
  const sql = `SELECT tags['probe'] AS probe, coalesce(model, tags['model']) AS asked, count(*) AS count, avg(value) AS share,
  arg_max(value, time) AS last, epoch_ms(max(time)) AS last_at_ms, arg_max(trace_id, time) AS trace_id,
  arg_max(rationale, time) FILTER (WHERE value < 1) AS failed_rationale,
  arg_max(trace_id, time) FILTER (WHERE value < 1) AS failed_trace_id
FROM scores WHERE name = ${literal(PROBE_PASSED)} AND ${during('time', interval)}
GROUP BY ALL ORDER BY last, share, probe LIMIT 200`;
  return (await rows(sql, signal)).map((row) => {
    const reason = reasonOf(textOf(row['failed_rationale']));
    return {
      probe: textOf(row['probe']) ?? 'unnamed',
      model: textOf(row['asked']) ?? '',
      isPassed: (numberOf(row['last']) ?? 0) >= 1,
      share: numberOf(row['share']) ?? 0,
      count: numberOf(row['count']) ?? 0,
      lastAtMs: numberOf(row['last_at_ms']) ?? 0,
      failed: reason.failed.join('; ') || reason.summary,
      traceId: textOf(row['failed_trace_id']) ?? textOf(row['trace_id']) ?? '',
    };
  });
}
