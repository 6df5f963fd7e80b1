// What the Quality section asks: one function for each panel.

import { FAITHFULNESS, PROBE_PASSED, RELEVANCE } from '../calls/names';
import { groupLines, lines, SERIES_MAX, stack, type PanelContent } from '../question/charts';
import { aggregate, measured, type Filters, type FilterTag } from '../query/expression';
import { bucketTimes, type ChartSeries } from '../chart/table';
import { numberOf, rows, textOf, type Cell } from '../question/rows';
import { during, where } from '../query/sql';
import { isCovered, type Interval } from '../time/range';
import type { Subject } from '../question/subject.svelte';

/** The bounds of the article's monitors 4 and 7. */
export const FAITHFUL_FROM = 0.75;
export const RELEVANT_FROM = 0.65;

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  faithfulness: (filters: Filters) => aggregate('avg', FAITHFULNESS, filters),
  hallucination: (filters: Filters) =>
    measured(`1 - ratio(count(v: v > ${FAITHFUL_FROM}):${FAITHFULNESS}{*}, count(${FAITHFULNESS}))`, filters),
  relevance: (filters: Filters) => aggregate('avg', RELEVANCE, filters),
  probes: (filters: Filters) => aggregate('avg', PROBE_PASSED, filters),
} as const;

/** The expressions that monitors may watch too. */
export const BY_APP = (filters: Filters) => aggregate('avg', FAITHFULNESS, filters, 'app');
export const BY_INDEX = (filters: Filters) => aggregate('avg', RELEVANCE, filters, 'index, query_category');

/** Only a sample of answers is judged: over minutes there would be single points and gaps. */
const COARSER = 5;

function coarse(subject: Subject): Subject {
  return { ...subject, stepMs: subject.stepMs * COARSER };
}

export function faithfulness(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return groupLines(BY_APP(subject.filters), 'unknown', coarse(subject), signal);
}

export function relevance(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return groupLines(BY_INDEX(subject.filters), 'unknown', coarse(subject), signal);
}

/** The share of judged answers that their sources do not carry. */
export function hallucination(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const share = { expression: TOTALS.hallucination(subject.filters), label: 'share', color: '--series-bad' };
  return lines([share], 'unknown', coarse(subject), signal);
}

/** How answers ended: finished, cut, refused, or asking for a tool. */
export function endings(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const whole = aggregate('sum', 'llm.request.count', subject.filters);
  const groups = aggregate('sum', 'llm.request.count', subject.filters, 'finish_reason');
  return stack({ whole, groups }, subject, signal);
}

/** The columns of the page's filters that the tables of spans and of scores both have. */
const SPAN_COLUMNS: readonly FilterTag[] = ['team', 'app', 'agent', 'model', 'provider', 'env', 'key_id'];
export const SCORE_COLUMNS: readonly FilterTag[] = ['team', 'app', 'agent', 'model', 'provider', 'env'];

/** How the answers of one model to one app differ from the time before. */
export interface Drift {
  model: string | null;
  app: string | null;
  calls: number;
  callsBefore: number;
  tokens: number | null;
  tokensBefore: number | null;
  durationMs: number | null;
  durationBeforeMs: number | null;
  /** The population stability index of the length of answers: 0 is the same, from 0.25 another distribution. */
  stability: number;
}

/** Fewer calls than this have no distribution. */
export const DRIFT_CALLS_MIN = 30;

/** Lengths are compared in powers of two, up to 2^14 tokens. */
const BIN_MAX = 14;

/** Undefined where Weir does not know all of the time before. */
export async function drift(subject: Subject, signal: AbortSignal): Promise<Drift[] | undefined> {
  const { interval, earlier, filters, sinceMs } = subject;
  if (!isCovered(earlier, sinceMs)) return undefined;
  return (await rows(driftSql(interval, earlier, filters), signal)).map((row) => ({
    model: textOf(row['model']),
    app: textOf(row['app']),
    calls: numberOf(row['calls']) ?? 0,
    callsBefore: numberOf(row['calls_before']) ?? 0,
    tokens: numberOf(row['tokens']),
    tokensBefore: numberOf(row['tokens_before']),
    durationMs: numberOf(row['duration_ms']),
    durationBeforeMs: numberOf(row['duration_before_ms']),
    stability: numberOf(row['stability']) ?? 0,
  }));
}

/** Half a call is added to each bin, so that an empty one has a logarithm. */
function driftSql(interval: Interval, earlier: Interval, filters: Filters): string {
  const conditions = [
    "kind = 'llm'",
    "status = 'ok'",
    'output_tokens IS NOT NULL',
    `(${during('start_time', interval)} OR ${during('start_time', earlier)})`,
    ...where(filters, SPAN_COLUMNS),
  ];
  return `WITH calls AS (
  SELECT model, app, start_time >= epoch_ms(${Math.round(interval.fromMs)}) AS is_now, output_tokens, duration_us,
    least(${BIN_MAX}, floor(log2(output_tokens + 1)))::INT AS bin
  FROM spans WHERE ${conditions.join(' AND ')}
), bins AS (
  SELECT model, app, bin, count(*) FILTER (WHERE is_now) AS now, count(*) FILTER (WHERE NOT is_now) AS before
  FROM calls GROUP BY ALL
), shares AS (
  SELECT model, app, (now + 0.5) / (sum(now) OVER g + 0.5 * count(*) OVER g) AS p,
    (before + 0.5) / (sum(before) OVER g + 0.5 * count(*) OVER g) AS q
  FROM bins WINDOW g AS (PARTITION BY model, app)
), indexes AS (
  SELECT model, app, sum((p - q) * ln(p / q)) AS stability FROM shares GROUP BY ALL
), means AS (
  SELECT model, app, count(*) FILTER (WHERE is_now) AS calls, count(*) FILTER (WHERE NOT is_now) AS calls_before,
    avg(output_tokens) FILTER (WHERE is_now) AS tokens, avg(output_tokens) FILTER (WHERE NOT is_now) AS tokens_before,
    median(duration_us) FILTER (WHERE is_now) / 1000 AS duration_ms,
    median(duration_us) FILTER (WHERE NOT is_now) / 1000 AS duration_before_ms
  FROM calls GROUP BY ALL
)
SELECT means.*, indexes.stability FROM means JOIN indexes
  ON means.model IS NOT DISTINCT FROM indexes.model AND means.app IS NOT DISTINCT FROM indexes.app
WHERE calls >= ${DRIFT_CALLS_MIN} AND calls_before >= ${DRIFT_CALLS_MIN}
ORDER BY stability DESC LIMIT 50`;
}

/** The mean of the scores that retrievers gave their own documents, by app. */
export async function retrieverScores(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const { interval, stepMs, filters } = subject;
  const conditions = [
    "kind = 'retrieval'",
    'documents IS NOT NULL',
    during('start_time', interval),
    ...where(filters, SPAN_COLUMNS),
  ];
  const sql = `SELECT app, epoch_ms(start_time) // ${stepMs} * ${stepMs} AS at_ms,
  avg(list_avg(TRY_CAST(json_extract(documents, '$[*].score') AS DOUBLE[]))) AS score
FROM spans WHERE ${conditions.join(' AND ')}
GROUP BY ALL HAVING score IS NOT NULL ORDER BY app, at_ms`;
  const answer = await rows(sql, signal);
  const timesMs = bucketTimes(interval, stepMs);
  const apps = [...new Set(answer.map(({ app }) => app ?? null))];
  const series = apps.slice(0, SERIES_MAX).map((app, i): ChartSeries => {
    const name = textOf(app) ?? 'none';
    const values = new Array<number | null>(timesMs.length).fill(null);
    for (const row of answer) if (row['app'] === app) put(values, timesMs, stepMs, row);
    return { key: name, label: name, color: `--series-${i + 1}`, values };
  });
  const left = apps.length - series.length;
  return {
    data: { timesMs, stepMs, unit: 'none', series },
    notes: left > 0 ? [`${left} more apps are not drawn`] : [],
  };
}

function put(values: (number | null)[], timesMs: number[], stepMs: number, row: Record<string, Cell>) {
  const index = Math.floor(((numberOf(row['at_ms']) ?? 0) - (timesMs[0] ?? 0)) / stepMs);
  if (index >= 0 && index < values.length) values[index] = numberOf(row['score']);
}
