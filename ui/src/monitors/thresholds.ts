// The thresholds of monitors that judge what a chart shows, as lines of that chart.

import type { Level } from '../chart/table';
import { FILTER_TAGS, type Filters } from '../query/expression';
import { levelLines } from './judged';
import type { Monitor } from './requests';

/** The levels of the monitors on an expression. A chart that is narrowed by other tags than theirs shows other values. */
export function levelsFor(monitors: readonly Monitor[], expression: string, filters: Filters): Level[] {
  const narrowed = FILTER_TAGS.filter((tag) => filters[tag].length > 0);
  return monitors
    .filter((monitor) => monitor.is_enabled && monitor.expression === expression)
    .filter(({ by }) => narrowed.every((tag) => by.includes(tag)))
    .flatMap((monitor) =>
      levelLines(monitor).map((level) => ({ ...level, label: `${monitor.name}: ${level.label}` })),
    );
}
