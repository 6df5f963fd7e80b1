// Availability as people read it: nines need digits, and a strip needs cells that can be pointed at.

import { MISSING } from '../format/quantity';
import type { Value } from '../chart/table';

/** Thinner cells cannot be pointed at. */
const CELLS_MAX = 48;

/** A share with as many digits as its distance from 100 % deserves; 100 % only when it is exactly that. */
export function availabilityText(value: number | null): string {
  if (value === null) return MISSING;
  if (value >= 1) return '100%';
  const missing = 1 - value;
  const digits = missing >= 0.0999 ? 1 : missing >= 0.001 ? 2 : 3;
  const format = (rounded: number) =>
    new Intl.NumberFormat(undefined, {
      style: 'percent',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(rounded);
  const factor = 10 ** (digits + 2);
  // Rounded down: what failed once did not answer always.
  return format(Math.floor(value * factor + 1e-9) / factor);
}

/** One cell of a strip. */
export interface Cell {
  startMs: number;
  lengthMs: number;
  /** The least of the buckets in it: a short outage must not drown in a quiet hour. */
  value: Value;
}

/** Buckets joined so that at most some dozens are left. */
export function stripOf(values: readonly Value[], timesMs: readonly number[], stepMs: number): Cell[] {
  const joined = Math.ceil(values.length / CELLS_MAX);
  return Array.from({ length: Math.ceil(values.length / joined) }, (_, i) => {
    const part = values.slice(i * joined, (i + 1) * joined).filter((value) => value !== null);
    return {
      startMs: timesMs[i * joined] ?? 0,
      lengthMs: stepMs * Math.min(joined, values.length - i * joined),
      value: part.length === 0 ? null : Math.min(...part),
    };
  });
}
