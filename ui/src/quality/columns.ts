// The columns of the tables of Quality.

import { change, changeText, exact, MISSING, plain, text } from '../format/quantity';
import { address } from '../frame/address.svelte';
import { changesFor } from '../frame/links';
import type { Column } from '../section/columns';
import { isMoreWorse, scoreName } from './checks';
import type { Judge } from './judges';
import { FAITHFUL_FROM, type Drift } from './questions';
import type { Judged } from './worst';

const when = (atMs: number) =>
  new Intl.DateTimeFormat(undefined, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(atMs);

const score = (value: number) => value.toFixed(2);

export const worstColumns: Column<Judged>[] = [
  {
    title: 'Time',
    text: ({ atMs }) => when(atMs),
    href: ({ traceId, spanId, name }) =>
      traceId === '' ? undefined : address.href(`/traces/${traceId}`, { span: spanId ?? '', score: name }),
    width: '106px',
  },
  {
    title: 'Score',
    text: ({ value }) => score(value),
    exact: ({ value }) => value,
    tone: ({ name, value }) => (!isMoreWorse(name) && value < FAITHFUL_FROM ? 'bad' : undefined),
    isNumber: true,
    width: '52px',
  },
  { title: 'What', text: ({ name }) => scoreName(name), exact: ({ name }) => name, width: '15%' },
  { title: 'App', text: ({ app }) => app ?? MISSING, width: '13%' },
  { title: 'Asked', text: ({ question }) => question || MISSING },
  { title: 'Why', text: ({ why }) => why, width: '31%' },
];

export const judgeColumns: Column<Judge>[] = [
  { title: 'What', text: ({ what }) => what },
  { title: 'Judge', text: ({ judge }) => judge, width: '42%' },
  {
    title: 'Judged',
    text: ({ count }) => plain(count),
    exact: ({ count }) => count,
    isNumber: true,
    width: '58px',
  },
];

function changed(now: number | null, then: number | null): string {
  const ratio = change(now, then);
  if (ratio === undefined) return '';
  return Math.abs(ratio) < 0.0005 ? ' ±0%' : ` ${ratio > 0 ? '+' : '−'}${changeText(ratio, 'ms')}`;
}

export const driftColumns: Column<Drift>[] = [
  {
    title: 'Model',
    text: ({ model }) => model ?? 'none',
    href: ({ model, app }) =>
      address.href('/traces', { ...changesFor({ tag: 'model', value: model }), app: app ?? '' }),
  },
  { title: 'App', text: ({ app }) => app ?? 'none', width: '15%' },
  {
    title: 'Drift',
    text: ({ stability }) =>
      `${stability >= 0.25 ? 'other' : stability >= 0.1 ? 'some' : 'none'} ${stability.toFixed(2)}`,
    exact: ({ stability }) => stability,
    tone: ({ stability }) => (stability >= 0.25 ? 'bad' : undefined),
    isNumber: true,
    width: '92px',
  },
  {
    title: 'Length of answers',
    text: ({ tokens, tokensBefore }) => `${text(tokens, 'tokens')}${changed(tokens, tokensBefore)}`,
    exact: ({ tokens }) => tokens,
    isNumber: true,
    width: '168px',
  },
  {
    title: 'Latency p50',
    text: ({ durationMs, durationBeforeMs }) =>
      `${text(durationMs, 'ms')}${changed(durationMs, durationBeforeMs)}`,
    exact: ({ durationMs }) => durationMs,
    isNumber: true,
    width: '140px',
  },
  {
    title: 'Calls',
    text: ({ calls }) => plain(calls),
    exact: ({ calls }) => calls,
    isNumber: true,
    width: '64px',
  },
  {
    title: 'Before',
    text: ({ callsBefore }) => plain(callsBefore),
    exact: ({ callsBefore }) => exact(callsBefore),
    isNumber: true,
    width: '64px',
  },
];
