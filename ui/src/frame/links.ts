// Links from a number or a moment to the calls behind it: the page of traces, narrowed to the same time, filters and group.
// A group of a tag that the address knows becomes that parameter; any other becomes a condition on the calls.

import { CALL_KINDS, FILTER_TAGS, quoted } from '../query/expression';
import type { Interval } from '../time/range';
import { address, type Changes } from './address.svelte';

/** Which calls are meant. */
export interface CallsWanted {
  /** Absent for the range of the page. */
  interval?: Interval | undefined;
  /** A condition on spans, as in expressions, without braces. */
  where?: string | undefined;
  /** The group that was clicked. */
  tag?: string | undefined;
  value?: string | null | undefined;
  /** The order: `-duration` for the slowest first. */
  sort?: string | undefined;
}

/** The address of the calls. */
export function callsHref(wanted: CallsWanted): string {
  return address.href('/traces', changesFor(wanted));
}

/** The tags that the page of traces has as parameters of their own, beyond the filters of the frame. */
const TRACES_TAGS: readonly string[] = [
  'status',
  'kind',
  'error_type',
  'service',
  'name',
  'source',
  'client',
  'finish_reason',
  'cache',
  'session',
  'user',
];

/** What the address of the calls says beyond that of the page. */
export function changesFor({ interval, where, tag, value, sort }: CallsWanted): Changes {
  const isKnown =
    tag !== undefined && (TRACES_TAGS.includes(tag) || (FILTER_TAGS as readonly string[]).includes(tag));
  const isParameter = isKnown && value != null;
  const group = tag === undefined || isParameter ? '' : groupCondition(tag, value);
  const conditions = [where ?? '', group].filter((part) => part !== '');
  return {
    ...(interval && {
      from: new Date(interval.fromMs).toISOString(),
      to: new Date(interval.toMs).toISOString(),
    }),
    mode: 'spans',
    kind: CALL_KINDS,
    ...(isParameter && { [tag]: value }),
    filter: conditions.join(' AND '),
    sort,
  };
}

function groupCondition(tag: string, value: string | null | undefined): string {
  if (value === undefined) return '';
  return value === null ? `!${tag}:*` : `${tag}:${quoted(value)}`;
}
