// The arithmetic of the heat map: which rows are worth drawing, how dark a cell is, which cell a place lies in.

import { MINUTE_MS, type Interval } from '../time/range';
import type { Heat } from './questions';

/** A heat map without the rows that no call fell into. */
export interface Trimmed {
  /** The upper bounds of the rows, shortest first. */
  bounds: number[];
  /** The lower bound of the first row. */
  low: number;
  columns: Heat['columns'];
}

/** A call more or less must show even beside a thousand. */
const SHADE_MIN = 0.12;

/** Leaves out the rows below the shortest and above the longest call. */
export function trimmed({ bounds, columns }: Heat): Trimmed {
  const used = bounds.map((_, row) => columns.some(({ counts }) => (counts[row] ?? 0) > 0));
  const first = used.indexOf(true);
  const last = used.lastIndexOf(true);
  if (first < 0) return { bounds: [], low: 0, columns: [] };
  return {
    bounds: bounds.slice(first, last + 1),
    low: first === 0 ? 0 : (bounds[first - 1] ?? 0),
    columns: columns.map(({ startMs, counts }) => ({ startMs, counts: counts.slice(first, last + 1) })),
  };
}

/** The cells that hold calls, each with how dark it is from 0 to 1: by the root of its count, so that few are seen. */
export function shades({ columns }: Trimmed): { column: number; row: number; shade: number }[] {
  const max = Math.max(1, ...columns.flatMap(({ counts }) => counts));
  return columns.flatMap(({ counts }, column) =>
    counts.flatMap((count, row) =>
      count === 0 ? [] : [{ column, row, shade: SHADE_MIN + (1 - SHADE_MIN) * Math.sqrt(count / max) }],
    ),
  );
}

/** The cell at a time, and a height from 0 to 1. */
export function cellAt(
  { bounds, columns }: Trimmed,
  stepMs: number,
  atMs: number,
  height: number,
): { column: number; row: number } | undefined {
  const column = columns.findIndex(({ startMs }) => atMs >= startMs && atMs < startMs + stepMs);
  const row = Math.floor(height * bounds.length);
  return column < 0 || row < 0 || row >= bounds.length ? undefined : { column, row };
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080];

/** Round local times for a time axis, at most `count`. */
export function tickTimes({ fromMs, toMs }: Interval, count: number): { timesMs: number[]; stepMs: number } {
  const wantedMs = (toMs - fromMs) / count;
  const stepMs = (STEPS_MIN.find((minutes) => minutes * MINUTE_MS >= wantedMs) ?? 10080) * MINUTE_MS;
  const zoneMs = new Date(fromMs).getTimezoneOffset() * MINUTE_MS;
  const first = Math.ceil((fromMs - zoneMs) / stepMs) * stepMs + zoneMs;
  const timesMs = Array.from(
    { length: Math.max(0, Math.ceil((toMs - first) / stepMs)) },
    (_, i) => first + i * stepMs,
  );
  return { timesMs, stepMs };
}
