// The columns of the tables of Security.

import { PII_FOUND, SECRET_FOUND, VIOLATION } from '../calls/names';
import { MISSING, plain } from '../format/quantity';
import { address } from '../frame/address.svelte';
import type { Column } from '../section/columns';
import type { Category } from './flagged';
import type { Leak, Violation } from './found';
import type { Event, Session } from './questions';

const when = (atMs: number) =>
  new Intl.DateTimeFormat(undefined, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(atMs);

export const sessionColumns: Column<Session>[] = [
  {
    title: 'Session',
    text: ({ session }) => session,
    href: ({ session }) => address.href('/traces', { session }),
  },
  {
    title: 'Highest',
    text: ({ highest }) => highest.toFixed(2),
    exact: ({ highest }) => highest,
    tone: ({ highest }) => (highest >= 0.4 ? 'bad' : undefined),
    isNumber: true,
    width: '68px',
  },
  {
    title: 'Flagged',
    text: ({ flagged: count }) => plain(count),
    exact: ({ flagged: count }) => count,
    isNumber: true,
    width: '68px',
  },
  {
    title: 'Prompts',
    text: ({ prompts }) => plain(prompts),
    exact: ({ prompts }) => prompts,
    isNumber: true,
    width: '68px',
  },
  { title: 'Last', text: ({ lastAtMs }) => when(lastAtMs), isNumber: true, width: '112px' },
];

const traceOf = (traceId: string, spanId: string | null, name: string) =>
  traceId === '' ? undefined : address.href(`/traces/${traceId}`, { span: spanId ?? '', score: name });

export const categoryColumns: Column<Category>[] = [
  { title: 'Category', text: ({ category }) => category.replaceAll('_', ' ') },
  {
    title: 'Calls',
    text: ({ calls }) => plain(calls),
    exact: ({ calls }) => calls,
    share: ({ share }) => share,
    width: '118px',
  },
  {
    title: 'Rules',
    text: ({ rules, hidden }) =>
      hidden === '' ? rules : `${rules}; hidden by ${hidden.replaceAll('_', ' ')}`,
    width: '34%',
  },
];

export const leakColumns: Column<Leak>[] = [
  {
    title: 'Last',
    text: ({ lastAtMs }) => when(lastAtMs),
    href: ({ traceId, spanId, isSecret }) => traceOf(traceId, spanId, isSecret ? SECRET_FOUND : PII_FOUND),
    width: '106px',
  },
  {
    title: 'What',
    text: ({ isSecret, kind }) => (isSecret ? `secret: ${kind}` : kind),
    tone: ({ isSecret }) => (isSecret ? 'bad' : undefined),
  },
  { title: 'App', text: ({ app }) => app ?? MISSING, width: '28%' },
  {
    title: 'Found',
    text: ({ count }) => plain(count),
    exact: ({ count }) => count,
    isNumber: true,
    width: '52px',
  },
  {
    title: 'Calls',
    text: ({ calls }) => plain(calls),
    exact: ({ calls }) => calls,
    isNumber: true,
    width: '52px',
  },
];

export const violationColumns: Column<Violation>[] = [
  {
    title: 'Time',
    text: ({ atMs }) => when(atMs),
    href: ({ traceId, spanId }) => traceOf(traceId, spanId, VIOLATION),
    width: '106px',
  },
  { title: 'Agent', text: ({ agent }) => agent ?? MISSING, width: '20%' },
  { title: 'What', text: ({ what }) => what || MISSING, width: '64px' },
  { title: 'What it did', text: ({ summary }) => summary || MISSING },
];

export const eventColumns: Column<Event>[] = [
  { title: 'Time', text: ({ atMs }) => when(atMs), width: '106px' },
  {
    title: 'Level',
    text: ({ level }) => level,
    tone: ({ level }) => (level === 'error' ? 'bad' : undefined),
    width: '80px',
  },
  { title: 'Event', text: ({ title }) => title, width: '26%' },
  { title: 'What it says', text: ({ text }) => text },
  { title: 'From', text: ({ source }) => source, width: '12%' },
];
