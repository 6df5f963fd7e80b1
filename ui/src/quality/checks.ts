// What judges and checks said about answers, name by name: how often, how well, and how it moves.

import { numberOf, rows, textOf } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal, where } from '../query/sql';
import { bucketTimes, type Value } from '../chart/table';
import {
  FAITHFULNESS,
  INJECTION,
  PII_FOUND,
  PROBE_PASSED,
  RELEVANCE,
  SECRET_FOUND,
  VIOLATION,
} from '../calls/names';
import { SCORE_COLUMNS } from './questions';

/** Checks that Weir runs itself, with what their average is the share of. */
const CHECKS: Readonly<Record<string, { title: string; moreIsWorse?: boolean }>> = {
  'custom.llm.refusal': { title: 'Refusals', moreIsWorse: true },
  'custom.llm.toxicity': { title: 'Toxicity', moreIsWorse: true },
  'custom.llm.json_valid': { title: 'Valid JSON', moreIsWorse: false },
  'custom.llm.schema_valid': { title: 'Fits its schema', moreIsWorse: false },
  'custom.llm.language': { title: 'Language' },
};

/** Names that have a panel of their own, here or under Security. */
const ELSEWHERE = [FAITHFULNESS, RELEVANCE, INJECTION, VIOLATION, SECRET_FOUND, PII_FOUND, PROBE_PASSED];

/** Scores of which more is worse; of all others less is. */
const MORE_IS_WORSE: readonly string[] = [
  INJECTION,
  VIOLATION,
  SECRET_FOUND,
  PII_FOUND,
  'custom.llm.refusal',
  'custom.llm.toxicity',
];

/** Scores that say nothing about how good an answer is: findings of guards, and checks that mostly hold. */
export const OF_OTHER_KINDS: readonly string[] = [...new Set([...MORE_IS_WORSE, ...Object.keys(CHECKS)])];

export function isMoreWorse(name: string): boolean {
  return MORE_IS_WORSE.includes(name);
}

/** A metric as people call it: `retrieval relevance` for `custom.rag.retrieval_relevance`. */
export function scoreName(name: string): string {
  const known = CHECKS[name]?.title;
  if (known !== undefined) return known;
  return name
    .replace(/^(custom|weir)\.(llm|rag|agent)?\.?/, '')
    .replace(/_score$/, '')
    .replaceAll(/[_.]/g, ' ');
}

/** One judge's name for something, over the range. */
export interface Check {
  name: string;
  title: string;
  /** Whether every value is 0 or 1, so that the average is a share. */
  isShare: boolean;
  average: number | null;
  count: number;
  /** The labels, the most frequent first; empty where numbers were given. */
  labels: readonly { label: string; count: number }[];
  trend: readonly Value[];
  /** Whether more is worse; undefined where that is not known. */
  moreIsWorse: boolean | undefined;
  /** Whether people or their programs said so, and no judge of Weir's. */
  isFeedback: boolean;
}

const CHECKS_MAX = 40;
const LABELS_MAX = 4;

/** A small shape has room for about so many values; more of them have gaps, as only a sample of answers is judged. */
const TREND_BUCKETS = 24;

/** All names under which answers were judged, the most frequent first. */
export async function checks(subject: Subject, signal: AbortSignal): Promise<Check[]> {
  const { interval, filters } = subject;
  const lengthMs = interval.toMs - interval.fromMs;
  const stepMs = Math.max(1, Math.ceil(lengthMs / TREND_BUCKETS / subject.stepMs)) * subject.stepMs;
  const within = [
    during('time', interval),
    `name NOT IN (${ELSEWHERE.map(literal).join(', ')})`,
    ...where(filters, SCORE_COLUMNS),
  ].join(' AND ');
  const totals = `SELECT name, count(*) AS count, avg(value) AS average, bool_and(value IN (0, 1)) AS is_share,
  bool_and(judge NOT LIKE 'weir/%') AS is_feedback
FROM scores WHERE ${within} GROUP BY name ORDER BY count DESC, name LIMIT ${CHECKS_MAX}`;
  const trends = `SELECT name, epoch_ms(time) // ${stepMs} * ${stepMs} AS at_ms, avg(value) AS score
FROM scores WHERE ${within} AND value IS NOT NULL GROUP BY ALL`;
  const labels = `SELECT name, label, count(*) AS count
FROM scores WHERE ${within} AND label IS NOT NULL GROUP BY ALL ORDER BY count DESC, label LIMIT 400`;
  const [named, moved, labelled] = await Promise.all([
    rows(totals, signal),
    rows(trends, signal),
    rows(labels, signal),
  ]);
  const timesMs = bucketTimes(interval, stepMs);
  return named.map((row) => {
    const name = textOf(row['name']) ?? '';
    const trend = new Array<Value>(timesMs.length).fill(null);
    for (const one of moved) {
      const at = Math.floor(((numberOf(one['at_ms']) ?? 0) - (timesMs[0] ?? 0)) / stepMs);
      if (one['name'] === name && at >= 0 && at < trend.length) trend[at] = numberOf(one['score']);
    }
    const said = labelled.filter((one) => one['name'] === name);
    return {
      name,
      title: scoreName(name),
      isShare: row['is_share'] === true || row['is_share'] === 'true',
      average: numberOf(row['average']),
      count: numberOf(row['count']) ?? 0,
      labels: topLabels(
        said.map((one) => ({ label: textOf(one['label']) ?? '', count: numberOf(one['count']) ?? 0 })),
      ),
      trend,
      moreIsWorse: CHECKS[name] ? CHECKS[name].moreIsWorse : undefined,
      isFeedback: CHECKS[name] === undefined && row['is_feedback'] === true,
    };
  });
}

/** The most frequent labels, and all others as one. */
export function topLabels(
  labels: readonly { label: string; count: number }[],
): { label: string; count: number }[] {
  if (labels.length <= LABELS_MAX) return [...labels];
  const named = labels.slice(0, LABELS_MAX - 1);
  const rest = labels.slice(LABELS_MAX - 1).reduce((sum, { count }) => sum + count, 0);
  return [...named, { label: 'others', count: rest }];
}
