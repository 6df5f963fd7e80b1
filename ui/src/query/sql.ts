// Builds the few SQL statements that the expression language has no words for: lists of single records.
// Everything that comes from outside is quoted here and nowhere else.

import type { Interval } from '../time/range';
import { FILTER_TAGS, type Filters, type FilterTag } from './expression';

/** A text as SQL writes it. */
export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** The records of an interval, by the column that holds their time. */
export function during(column: string, { fromMs, toMs }: Interval): string {
  return `${column} >= epoch_ms(${Math.round(fromMs)}) AND ${column} < epoch_ms(${Math.round(toMs)})`;
}

/** The filters of the page on columns of their names; `*` in a value stands for any text. */
export function where(filters: Filters, columns: readonly FilterTag[] = FILTER_TAGS, prefix = ''): string[] {
  return narrowed(filters, columns, (tag) => `${prefix}"${tag}"`);
}

/** The same on whatever `field` says holds a tag. */
export function narrowed(
  filters: Filters,
  tags: readonly FilterTag[],
  field: (tag: FilterTag) => string,
): string[] {
  return tags
    .filter((tag) => filters[tag].length > 0)
    .map((tag) => `(${filters[tag].map((value) => matches(field(tag), value)).join(' OR ')})`);
}

function matches(column: string, value: string): string {
  if (!value.includes('*')) return `${column} = ${literal(value)}`;
  const pattern = value.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%');
  return `${column} LIKE ${literal(pattern)} ESCAPE '\\'`;
}
