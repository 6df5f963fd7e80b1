// The filters of the page on records that have no columns of their own for tags: points and events.

import type { Filters, FilterTag } from '../query/expression';
import { literal } from '../query/sql';

/** The conditions; `*` in a value stands for any text. */
export function tagged(filters: Filters, tags: readonly FilterTag[]): string[] {
  return tags
    .filter((tag) => filters[tag].length > 0)
    .map((tag) => `(${filters[tag].map((value) => matches(`tags['${tag}']`, value)).join(' OR ')})`);
}

function matches(field: string, value: string): string {
  if (!value.includes('*')) return `${field} = ${literal(value)}`;
  const pattern = value.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%');
  return `${field} LIKE ${literal(pattern)} ESCAPE '\\'`;
}
