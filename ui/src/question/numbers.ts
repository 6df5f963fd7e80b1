// From questions to single numbers and tables: each value over the whole range, and over the time that it is compared with.

import { instant } from '../api/client';
import type { InstantAnswer, Unit } from '../api/types';
import { groupName } from '../chart/table';
import { top } from '../query/expression';
import { isCovered } from '../time/range';
import { isRest, OTHERS, SERIES_MAX, type Parts } from './charts';
import type { Subject } from './subject.svelte';

/** A number over the whole range, and over the time before. */
export interface Compared {
  current: number | null;
  earlier: number | null;
  /** Whether Weir knows all of the time before. */
  isComparable: boolean;
}

/** One row of a table of groups. */
export interface Row {
  /** The group's name; `others` for what the named ones leave. */
  name: string;
  /** The value of the tag; null for calls without one, undefined for `others`. */
  value: string | null | undefined;
  amount: number;
  /** Of everything in the range. */
  share: number;
  /** Over the time before; undefined where Weir does not know all of it. */
  earlier: number | undefined;
}

/** What each group has of a whole. */
export interface Breakdown {
  rows: Row[];
  total: number;
  unit: Unit;
  notes: readonly string[];
}

/** One number. */
export async function compared(expression: string, subject: Subject, signal: AbortSignal): Promise<Compared> {
  const isComparable = isCovered(subject.earlier, subject.sinceMs);
  const [current, earlier] = await Promise.all([
    instant(expression, subject.interval, signal),
    isComparable ? instant(expression, subject.earlier, signal) : undefined,
  ]);
  return {
    current: current.values[0]?.value ?? null,
    earlier: earlier?.values[0]?.value ?? null,
    isComparable,
  };
}

/** The greatest groups of an amount, with what they leave of the whole. */
export async function breakdown(
  { whole, groups, count = SERIES_MAX }: Parts,
  subject: Subject,
  signal: AbortSignal,
): Promise<Breakdown> {
  const isComparable = isCovered(subject.earlier, subject.sinceMs);
  const [current, all, earlier, earlierAll] = await Promise.all([
    instant(top(count, groups), subject.interval, signal),
    instant(whole, subject.interval, signal),
    isComparable ? instant(groups, subject.earlier, signal) : undefined,
    isComparable ? instant(whole, subject.earlier, signal) : undefined,
  ]);
  const total = all.values[0]?.value ?? 0;
  const before = earlier && new Map(earlier.values.map((one) => [groupName(one.tags), one.value ?? 0]));
  const rows = current.values.map((one): Row => {
    const name = groupName(one.tags);
    const amount = one.value ?? 0;
    return {
      name,
      value: Object.values(one.tags)[0] ?? null,
      amount,
      share: total === 0 ? 0 : amount / total,
      earlier: before && (before.get(name) ?? 0),
    };
  });
  const earlierTotal = earlierAll && (earlierAll.values[0]?.value ?? 0);
  return {
    // Where no group was left out, a difference is only a call that arrived between the two questions.
    rows: rows.length < count ? rows : withOthers(rows, total, earlierTotal),
    total,
    unit: current.unit,
    notes: notesOf(current, all),
  };
}

/** Adds a row for what the named groups leave of the total. */
export function withOthers(rows: Row[], total: number, earlierTotal: number | undefined): Row[] {
  const rest = total - rows.reduce((sum, { amount }) => sum + amount, 0);
  if (!isRest(rest, total)) return rows;
  const earlierNamed = rows.reduce((sum, row) => sum + (row.earlier ?? 0), 0);
  const earlierRest = earlierTotal === undefined ? undefined : earlierTotal - earlierNamed;
  const earlier = earlierRest === undefined || isRest(earlierRest, earlierTotal ?? 0) ? earlierRest : 0;
  return [...rows, { name: OTHERS, value: undefined, amount: rest, share: rest / total, earlier }];
}

function notesOf(...answers: InstantAnswer[]): string[] {
  return [...new Set(answers.flatMap(({ notes }) => notes))].filter(
    // The table has a row for what was left out.
    (note) => !/left out|not listed|more series/.test(note),
  );
}
