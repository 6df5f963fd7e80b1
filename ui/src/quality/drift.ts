// How far answers moved from what they were, feature by feature, as the drift evaluator measures it.

import { numberOf, rows, textOf } from '../question/rows';
import type { Subject } from '../question/subject.svelte';
import { during, literal } from '../query/sql';
import { tagged } from '../section/tagged';

export const PSI = 'weir.drift.psi';
export const KS = 'weir.drift.ks';

/** From here another distribution, and from here on the way to one: the usual reading of a stability index. */
export const SHIFTED_FROM = 0.25;
export const MOVING_FROM = 0.1;

export type Reading = 'steady' | 'moving' | 'shifted';

export function reading(psi: number): Reading {
  return psi > SHIFTED_FROM ? 'shifted' : psi >= MOVING_FROM ? 'moving' : 'steady';
}

/** One feature of the answers of one model to one app. */
export interface Feature {
  feature: string;
  /** The population stability index, the newest. */
  psi: number;
  /** The Kolmogorov-Smirnov statistic, the newest; null where the feature has no order. */
  ks: number | null;
  /** The index over the range. */
  trend: readonly number[];
  atMs: number;
}

/** A model in an app. */
export interface Drifting {
  model: string;
  app: string;
  features: ReadonlyMap<string, Feature>;
  /** The greatest index. */
  worst: number;
}

/** What is measured, by how it is named. */
const TITLES: Readonly<Record<string, string>> = {
  output_tokens: 'Length of answers',
  duration: 'Latency',
  finish_reason: 'How answers end',
  tool_calls: 'Tool calls',
  prompt_embedding: 'What is asked',
};

export function featureTitle(feature: string): string {
  return TITLES[feature] ?? feature.replace(/^score:(custom\.(llm|rag)\.)?/, '').replaceAll('_', ' ');
}

/** Drift is measured once an hour, over days: a shorter range shows what was measured last. */
const LOOK_BACK_MS = 25 * 3_600_000;

/** Points of a range are thinned to as many. */
const TREND_MAX = 60;

export async function drifts({ interval, filters }: Subject, signal: AbortSignal): Promise<Drifting[]> {
  const conditions = [
    `name IN (${literal(PSI)}, ${literal(KS)})`,
    during('time', { ...interval, fromMs: Math.min(interval.fromMs, interval.toMs - LOOK_BACK_MS) }),
    ...tagged(filters, ['model', 'app']),
  ];
  const sql = `SELECT tags['model'] AS model, tags['app'] AS app, tags['feature'] AS feature,
  arg_max(value, time) FILTER (WHERE name = ${literal(PSI)}) AS psi,
  arg_max(value, time) FILTER (WHERE name = ${literal(KS)}) AS ks,
  string_agg(round(value, 4)::VARCHAR, ' ' ORDER BY time) FILTER (WHERE name = ${literal(PSI)}) AS trend,
  epoch_ms(max(time)) AS at_ms
FROM points WHERE ${conditions.join(' AND ')}
GROUP BY ALL HAVING psi IS NOT NULL ORDER BY psi DESC LIMIT 400`;
  const measured = (await rows(sql, signal)).map((row) => ({
    model: textOf(row['model']) ?? 'all models',
    app: textOf(row['app']) ?? 'all apps',
    feature: textOf(row['feature']) ?? '',
    psi: numberOf(row['psi']) ?? 0,
    ks: numberOf(row['ks']),
    trend: thinned((textOf(row['trend']) ?? '').split(' ').map(Number)),
    atMs: numberOf(row['at_ms']) ?? 0,
  }));
  return byModel(measured);
}

/** Features under their model and app, those that moved most first. */
export function byModel(measured: readonly (Feature & { model: string; app: string })[]): Drifting[] {
  const groups = new Map<string, { model: string; app: string; features: Map<string, Feature> }>();
  for (const { model, app, ...feature } of measured) {
    const key = JSON.stringify([model, app]);
    const group = groups.get(key) ?? { model, app, features: new Map<string, Feature>() };
    group.features.set(feature.feature, feature);
    groups.set(key, group);
  }
  return [...groups.values()]
    .map((group) => ({ ...group, worst: Math.max(...[...group.features.values()].map(({ psi }) => psi)) }))
    .sort((a, b) => b.worst - a.worst);
}

/** Every feature that any group has: the known ones in their order, then others by name. */
export function featuresOf(all: readonly Drifting[]): string[] {
  const found = new Set(all.flatMap(({ features }) => [...features.keys()]));
  const known = Object.keys(TITLES).filter((feature) => found.has(feature));
  return [...known, ...[...found].filter((feature) => !known.includes(feature)).sort()];
}

/** The same shape with fewer values; the last one stays. */
export function thinned(values: readonly number[]): number[] {
  const every = Math.ceil(values.length / TREND_MAX);
  return values.filter((_, i) => (values.length - 1 - i) % every === 0);
}
