// What layers of cost control saved, and what those that only observe would have saved: over time, for the whole range,
// and where the calls are. The two are never added up: one is money, the other is not.

import { instant } from '../api/client';
import type { InstantAnswer } from '../api/types';
import { HITS } from '../cache/questions';
import { groupName, type ChartSeries } from '../chart/table';
import { address } from '../frame/address.svelte';
import { callsHref } from '../frame/links';
import { aggregate, type Filters, FILTER_TAGS, type FilterTag } from '../query/expression';
import { during, literal } from '../query/sql';
import { stack, type PanelContent } from '../question/charts';
import type { Subject } from '../question/subject.svelte';
import type { Interval } from '../time/range';
import { TOTALS } from './questions';

/** Layers that can be told apart by colour. */
const LAYERS_MAX = 6;

/** What follows the name of a layer that did not save and would have. */
const WOULD = ', would be';

function byLayer(metric: string, filters: Filters): string {
  return aggregate('sum', metric, filters, 'layer');
}

/** Savings over time: what was saved below, and hatched above it what would have been. */
export async function savings(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const { filters } = subject;
  const parts = (whole: string, metric: string) =>
    stack({ whole, groups: byLayer(metric, filters), count: LAYERS_MAX }, subject, signal);
  const [real, would] = await Promise.all([
    parts(TOTALS.saved(filters), 'llm.cost.saved_usd'),
    parts(TOTALS.wouldSave(filters), 'llm.cost.would_save_usd'),
  ]);
  return joined(real, would);
}

/** Both in one chart; a layer has one colour, however it is drawn. */
export function joined(real: PanelContent, would: PanelContent): PanelContent {
  const colors = new Map(real.data.series.map(({ key, color }) => [key, color]));
  for (const { key } of would.data.series) {
    if (!colors.has(key)) colors.set(key, `--series-${(colors.size % LAYERS_MAX) + 1}`);
  }
  const hatched = would.data.series.map((series): ChartSeries => ({
    ...series,
    key: `${series.key}${WOULD}`,
    label: `${series.label}${WOULD}`,
    color: colors.get(series.key) ?? series.color,
    isHypothetical: true,
  }));
  const { timesMs, stepMs, unit, series } = real.data;
  return {
    // A dashed line over both would compare money with what is none.
    data: { timesMs, stepMs, unit, series: [...series, ...hatched] },
    notes: [...new Set([...real.notes, ...would.notes])],
  };
}

/** What one layer saved and would have saved, in dollars; the last row is all of them. */
export interface Layer {
  layer: string;
  savedUsd: number;
  savedShare: number | null;
  wouldUsd: number;
  wouldShare: number | null;
}

/** What the last row of the layers is called. */
export const ALL_LAYERS = 'all layers';

/** Every layer over the whole range, with its share of what was spent. */
export async function layers({ filters, interval }: Subject, signal: AbortSignal): Promise<Layer[]> {
  const of = (expression: string) => instant(expression, interval, signal);
  const [spend, saved, would] = await Promise.all([
    of(TOTALS.spend(filters)),
    of(byLayer('llm.cost.saved_usd', filters)),
    of(byLayer('llm.cost.would_save_usd', filters)),
  ]);
  return layerRows(spend.values[0]?.value ?? 0, saved, would);
}

export function layerRows(spendUsd: number, saved: InstantAnswer, would: InstantAnswer): Layer[] {
  const amounts = (answer: InstantAnswer) =>
    new Map(answer.values.map(({ tags, value }) => [groupName(tags), value ?? 0]));
  const [real, hypothetical] = [amounts(saved), amounts(would)];
  const share = (usd: number) => (spendUsd > 0 ? usd / spendUsd : null);
  const row = (layer: string, savedUsd: number, wouldUsd: number): Layer => ({
    layer,
    savedUsd,
    savedShare: share(savedUsd),
    wouldUsd,
    wouldShare: share(wouldUsd),
  });
  const rows = [...new Set([...real.keys(), ...hypothetical.keys()])]
    .map((layer) => row(layer, real.get(layer) ?? 0, hypothetical.get(layer) ?? 0))
    .toSorted((a, b) => b.savedUsd + b.wouldUsd - a.savedUsd - a.wouldUsd);
  const sum = (of: (row: Layer) => number) => rows.reduce((all, one) => all + of(one), 0);
  return rows.length === 0
    ? []
    : [
        ...rows,
        row(
          ALL_LAYERS,
          sum((one) => one.savedUsd),
          sum((one) => one.wouldUsd),
        ),
      ];
}

/** Where the calls of a layer are; of all layers without one. */
export function layerHref(
  interval: Interval,
  filters: Filters,
  { layer, isHypothetical }: { layer: string | undefined; isHypothetical: boolean },
): string {
  // The cache has a tag of its own; what other layers decided is in the rows only.
  if (layer === 'cache' && !isHypothetical) return callsHref({ interval, where: HITS });
  return address.href('/explore', { sql: savingsSql(interval, filters, layer, isHypothetical) });
}

/** Where the calls of a series of the chart are. */
export function seriesHref(interval: Interval, filters: Filters, series: ChartSeries | undefined): string {
  const isHypothetical = series?.isHypothetical === true;
  const layer = isHypothetical ? series.key.slice(0, -WOULD.length) : series?.key;
  return layerHref(interval, filters, { layer, isHypothetical });
}

/** The calls on which a layer decided something that saved, or would have: those that saved most first. */
export function savingsSql(
  interval: Interval,
  filters: Filters,
  layer: string | undefined,
  isHypothetical: boolean,
): string {
  const narrowed = FILTER_TAGS.filter((tag) => filters[tag].length > 0).map(
    (tag: FilterTag) => `  AND ${tag} IN (${filters[tag].map(literal).join(', ')})\n`,
  );
  const wanted = [
    `decision.saved_nano_usd > 0`,
    ...(layer === undefined || layer === 'none' ? [] : [`decision.policy = ${literal(layer)}`]),
    ...(layer === undefined ? [] : [`${isHypothetical ? '' : 'NOT '}starts_with(decision.action, 'would_')`]),
  ];
  return `SELECT start_time, trace_id, team, app, agent, model,
  decision.policy AS layer, decision.action, decision.saved_nano_usd / 1e9 AS usd
FROM (SELECT *, unnest(from_json(policy,
    '[{"policy":"VARCHAR","action":"VARCHAR","saved_nano_usd":"BIGINT"}]')) AS decision
  FROM spans
  WHERE ${during('start_time', interval)}
${narrowed.join('')})
WHERE ${wanted.join('\n  AND ')}
ORDER BY usd DESC
LIMIT 500`;
}
