// Answers as charts and as tables, whatever was asked: expressions over time, single values, and rows of SQL.

import type { Answer, InstantAnswer, Unit } from '../api/types';
import { bucketTimes, groupName, onGrid, type ChartData, type ChartSeries } from '../chart/table';
import type { Interval } from '../time/range';

/** A cell as it is shown and saved. */
export type Cell = string | number | boolean | null;

/** A table of cells. */
export interface Grid {
  columns: { name: string; isNumber: boolean; unit?: Unit }[];
  rows: Cell[][];
  /** Whether there were more rows than an answer holds. */
  isCut: boolean;
}

/** More series than this cannot be told apart by colour. */
export const SERIES_MAX = 8;

/** More points than this are not drawn: no screen has room. */
const POINTS_MAX = 4_000;

/** An expression's answer on the grid of its own steps. */
export function chartOf(answer: Answer, range: Interval, isStack: boolean): ChartData {
  const timesMs = bucketTimes(range, answer.step_ms);
  const series = answer.series.slice(0, SERIES_MAX).map((one, i): ChartSeries => {
    const name = groupName(one.tags);
    return {
      key: name,
      label: name,
      color: `--series-${i + 1}`,
      values: onGrid(one, timesMs, answer.step_ms, isStack ? 'zero' : 'unknown'),
    };
  });
  return { timesMs, stepMs: answer.step_ms, unit: answer.unit, series };
}

/** One row for each group, with its value over the whole range. */
export function gridOf({ values, unit }: InstantAnswer): Grid {
  const tags = [...new Set(values.flatMap((item) => Object.keys(item.tags)))];
  return {
    columns: [...tags.map((name) => ({ name, isNumber: false })), { name: 'value', isNumber: true, unit }],
    rows: values.map((item) => [...tags.map((tag) => item.tags[tag] ?? null), item.value]),
    isCut: false,
  };
}

/** Rows of SQL as the API has them. */
export interface SqlRows {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
}

/** The same as a table. */
export function gridOfRows({ columns, rows, truncated }: SqlRows): Grid {
  return {
    columns: columns.map(({ name, type }) => ({ name, isNumber: isNumeric(type) })),
    rows: rows.map((row) => row.map(cell)),
    isCut: truncated,
  };
}

/**
 * The rows as a chart: the first column of times is the axis, the first of texts names the series, and every column of
 * numbers is drawn. Otherwise a sentence that says what is missing.
 */
export function chartOfRows({ columns, rows }: SqlRows): ChartData | string {
  const time = columns.findIndex(({ type }) => /^(TIMESTAMP|DATE)/.test(type));
  if (time < 0) return 'A chart needs a column of times, such as time_bucket(INTERVAL 1 hour, start_time).';
  const name = columns.findIndex(({ type }) => type === 'VARCHAR');
  const numbers = columns.flatMap(({ type }, i) => (isNumeric(type) ? [i] : []));
  if (numbers.length === 0) return 'A chart needs a column of numbers.';
  const points = new Map<string, Map<number, number>>();
  for (const row of rows) {
    const atMs = momentOf(row[time]);
    if (atMs === undefined) continue;
    for (const column of numbers) {
      const label = [
        name < 0 ? '' : String(row[name] ?? 'none'),
        numbers.length > 1 ? columns[column]?.name : '',
      ]
        .filter((part) => part !== '')
        .join(' ');
      const key = label === '' ? (columns[column]?.name ?? '') : label;
      const value = numberOf(row[column]);
      if (value === null) continue;
      const series = points.get(key) ?? new Map<number, number>();
      points.set(key, series.set(atMs, value));
    }
  }
  return onEvenGrid(points);
}

function onEvenGrid(points: ReadonlyMap<string, ReadonlyMap<number, number>>): ChartData | string {
  const times = [...new Set([...points.values()].flatMap((series) => [...series.keys()]))].toSorted(
    (a, b) => a - b,
  );
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return 'No row has both a time and a number.';
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  const stepMs = gaps.reduce((least, gap) => Math.min(least, gap), Infinity);
  const step = Number.isFinite(stepMs) ? stepMs : 60_000;
  const count = Math.floor((last - first) / step) + 1;
  if (count > POINTS_MAX)
    return `The times are too close for a chart: group them, for example by time_bucket.`;
  const timesMs = Array.from({ length: count }, (_, i) => first + i * step);
  const totals = [...points].map(([key, series]) => ({
    key,
    series,
    total: [...series.values()].reduce((sum, value) => sum + Math.abs(value), 0),
  }));
  const greatest = totals.toSorted((a, b) => b.total - a.total).slice(0, SERIES_MAX);
  const series = greatest.map(({ key, series: values }, i): ChartSeries => {
    const drawn = new Array<number | null>(count).fill(null);
    for (const [atMs, value] of values) drawn[Math.floor((atMs - first) / step)] = value;
    return { key, label: key, color: `--series-${i + 1}`, values: drawn };
  });
  return { timesMs, stepMs: step, unit: 'none', series };
}

/** A table as RFC 4180 has it: lines end in CR LF, and a field is quoted where it must be. */
export function csvOf({ columns, rows }: Grid): string {
  const lines = [columns.map(({ name }) => name), ...rows];
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

function field(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  // A text that begins like a formula must not become one where the file is opened.
  const safe = /^[=+\-@\t\r]/.test(value) && !/^[+-]?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL)/.test(type);
}

function cell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

/** Decimals and long integers are written as texts, so that they lose nothing. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** A time of the store: without a zone it is UTC. */
function momentOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const iso = value.replace(' ', 'T');
  const zoned = /(Z|[+-]\d{2}(:?\d{2})?)$/.test(iso.slice(10)) || iso.length === 10 ? iso : `${iso}Z`;
  const atMs = Date.parse(zoned);
  return Number.isNaN(atMs) ? undefined : atMs;
}
