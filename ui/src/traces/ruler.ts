// The time axis of a waterfall: round steps, told in one unit.

import { valueTicks } from '../chart/ticks';
import { text } from '../format/quantity';

/** Labels closer than this run into each other. */
const LABEL_PX = 84;

const STEPS_MS: readonly number[] = [
  ...[0.1, 1, 10, 100, 1_000].flatMap((unit) => [unit, 2 * unit, 5 * unit]),
  10_000,
  15_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  1_800_000,
  3_600_000,
];

export interface Tick {
  /** From 0 to 1. */
  at: number;
  label: string;
}

/** The ticks of an axis from zero to `lengthMs` that is `widthPx` wide. */
export function rulerTicks(lengthMs: number, widthPx: number): Tick[] {
  if (!(lengthMs > 0) || widthPx <= 0) return [];
  const most = Math.max(1, Math.floor(widthPx / LABEL_PX));
  const stepMs = STEPS_MS.find((step) => lengthMs / step <= most) ?? lengthMs / most;
  const times = Array.from({ length: Math.floor(lengthMs / stepMs) + 1 }, (_, i) => i * stepMs);
  // Minutes are told with their seconds, not with decimals.
  const labels =
    lengthMs < 60_000 ? valueTicks(times, 'ms') : times.map((ms) => (ms === 0 ? '0' : text(ms, 'ms')));
  return times.map((ms, i) => ({ at: ms / lengthMs, label: labels[i] ?? '' }));
}
