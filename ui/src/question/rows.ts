// Answers of /api/sql as rows by the names of their columns.

import { tell } from '../api/client';

/** What a cell holds. */
export type Cell = string | number | boolean | null;

interface SqlAnswer {
  columns: { name: string }[];
  rows: Cell[][];
}

/** Runs one read-only statement. */
export async function rows(sql: string, signal: AbortSignal): Promise<Record<string, Cell>[]> {
  const answer = await tell<SqlAnswer>('POST', '/api/sql', { sql }, signal);
  return answer.rows.map((row) =>
    Object.fromEntries(answer.columns.map(({ name }, i) => [name, row[i] ?? null])),
  );
}

/** A number of a cell; SQL hands out large ones as text. */
export function numberOf(cell: Cell | undefined): number | null {
  if (cell === null || cell === undefined || cell === '') return null;
  const value = Number(cell);
  return Number.isNaN(value) ? null : value;
}

/** A text of a cell. */
export function textOf(cell: Cell | undefined): string | null {
  return cell === null || cell === undefined ? null : String(cell);
}
