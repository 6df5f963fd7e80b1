// Asks what the editor holds, in either language, and lays the answer out as it is to be shown.

import { ApiError, instant, query, tell } from '../api/client';
import type { ChartData } from '../chart/table';
import type { Interval } from '../time/range';
import type { Schema } from './codemirror';
import { sqlPlace } from './offsets';
import type { PanelBody } from './panel';
import { chartOf, chartOfRows, gridOf, gridOfRows, SERIES_MAX, type Grid, type SqlRows } from './shape';

/** An answer: a chart, or a table, and what must be known about it. */
export interface Outcome {
  chart?: ChartData;
  grid?: Grid;
  notes: readonly string[];
}

/** The time that a question is asked about. */
export interface When {
  range: Interval;
  stepMs: number;
}

/** Asks; a fault in an SQL statement has its place, as one in an expression has. */
export async function answerTo(
  { language, text, shown }: PanelBody,
  when: When,
  signal: AbortSignal,
): Promise<Outcome> {
  if (language === 'sql') return sqlAnswer(text, shown, when, signal);
  if (shown === 'table' || shown === 'number') {
    const answer = await instant(text, when.range, signal);
    return { grid: gridOf(answer), notes: answer.notes };
  }
  const answer = await query(text, when.range, when.stepMs, signal);
  const left = answer.series.length - SERIES_MAX;
  const notes =
    left > 0 ? [...answer.notes, `${left} more series are not drawn: use top(8, …)`] : answer.notes;
  return { chart: chartOf(answer, when.range, shown === 'bars'), notes };
}

async function sqlAnswer(
  text: string,
  shown: PanelBody['shown'],
  { range }: When,
  signal: AbortSignal,
): Promise<Outcome> {
  const statement = withRange(text, range);
  let rows: SqlRows;
  try {
    rows = await tell<SqlRows>('POST', '/api/sql', { sql: statement }, signal);
  } catch (error) {
    // The place is sought in the text as it was written, where the names of the range are shorter.
    if (error instanceof ApiError && error.place === undefined && statement === text)
      throw new ApiError(error.message, error.hint, error.status, sqlPlace(text, error.message));
    throw error;
  }
  const notes = rows.truncated ? [`Only the first ${rows.rows.length} rows`] : [];
  if (shown === 'table' || shown === 'number') return { grid: gridOfRows(rows), notes };
  const chart = chartOfRows(rows);
  // What cannot be drawn is shown as a table, with the reason.
  return typeof chart === 'string' ? { grid: gridOfRows(rows), notes: [...notes, chart] } : { chart, notes };
}

/** The statement with `$from` and `$to` as the ends of the page's range. */
export function withRange(sql: string, { fromMs, toMs }: Interval): string {
  const literal = (ms: number) =>
    `TIMESTAMP '${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')}'`;
  return sql.replaceAll(/\$(from|to)\b/g, (_, end) => literal(end === 'from' ? fromMs : toMs));
}

/** The tables and their columns, for completion. */
export async function schema(signal: AbortSignal): Promise<Schema> {
  const sql =
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'main' ORDER BY ALL";
  const { rows } = await tell<SqlRows>('POST', '/api/sql', { sql }, signal);
  const tables: Record<string, string[]> = {};
  for (const [table, column] of rows) (tables[String(table)] ??= []).push(String(column));
  return tables;
}
