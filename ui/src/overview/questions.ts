// What the Overview asks: one function for each panel.

import { aggregate, type Filters } from '../query/expression';
import { asRate, asStack, lines, percentiles, stack, type PanelContent } from '../question/charts';
import { breakdown, type Breakdown } from '../question/numbers';
import type { Subject } from '../question/subject.svelte';

const CAUSES_MAX = 5;

/** The expressions behind the big numbers; the page's tests ask the same. */
export const TOTALS = {
  requests: (filters: Filters) => aggregate('sum', 'llm.request.count', filters),
  errorRate: (filters: Filters) => aggregate('rate', 'llm.request.error', filters),
  latency: (filters: Filters) => aggregate('p95', 'llm.request.duration', filters),
  tokens: (filters: Filters) => aggregate('sum', 'llm.tokens.total', filters),
  spend: (filters: Filters) => aggregate('sum', 'llm.cost.usd', filters),
} as const;

export async function requestRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.requests(subject.filters), label: 'Requests', color: '--series-1' };
  return asRate(await lines([line], 'zero', subject, signal), subject);
}

export function errorRate(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const line = { expression: TOTALS.errorRate(subject.filters), label: 'Error rate', color: '--series-bad' };
  return lines([line], 'unknown', subject, signal);
}

export function errorCauses(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const errors = aggregate('sum', 'llm.request.error', subject.filters);
  const byCause = aggregate('sum', 'llm.request.error', subject.filters, 'error_type');
  return stack({ whole: errors, groups: byCause, count: CAUSES_MAX }, subject, signal);
}

export function latency(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return percentiles((func) => aggregate(func, 'llm.request.duration', subject.filters), subject, signal);
}

export function firstToken(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  return percentiles((func) => aggregate(func, 'llm.time_to_first_token', subject.filters), subject, signal);
}

export async function tokens(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const parts = [
    {
      expression: aggregate('sum', 'llm.tokens.input', subject.filters),
      label: 'Input',
      color: '--series-1',
    },
    {
      expression: aggregate('sum', 'llm.tokens.output', subject.filters),
      label: 'Output',
      color: '--series-2',
    },
  ];
  return asStack(await lines(parts, 'zero', subject, signal));
}

export function spendByModel(subject: Subject, signal: AbortSignal): Promise<PanelContent> {
  const byModel = aggregate('sum', 'llm.cost.usd', subject.filters, 'model');
  return stack({ whole: TOTALS.spend(subject.filters), groups: byModel }, subject, signal);
}

export function spendTable(subject: Subject, signal: AbortSignal): Promise<Breakdown> {
  const groups = aggregate('sum', 'llm.cost.usd', subject.filters, 'model');
  return breakdown({ whole: TOTALS.spend(subject.filters), groups }, subject, signal);
}
