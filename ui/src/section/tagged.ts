// The filters of the page on records that have no columns of their own for tags: points and events.

import type { Filters, FilterTag } from '../query/expression';
import { narrowed } from '../query/sql';

/** The conditions; `*` in a value stands for any text. */
export function tagged(filters: Filters, tags: readonly FilterTag[]): string[] {
  return narrowed(filters, tags, (tag) => `tags['${tag}']`);
}
