import { describe, expect, it } from 'vitest';
import { cellAt, shades, tickTimes, trimmed } from '../src/health/heat';

const MINUTE_MS = 60_000;
const heat = {
  stepMs: MINUTE_MS,
  bounds: [1, 10, 100, 1_000, 10_000],
  columns: [
    { startMs: 0, counts: [0, 0, 4, 0, 0] },
    { startMs: MINUTE_MS, counts: [0, 1, 0, 9, 0] },
  ],
};

describe('a heat map', () => {
  it('leaves out rows above and below all calls, and keeps the bound below', () => {
    const shown = trimmed(heat);
    expect(shown.bounds).toEqual([10, 100, 1_000]);
    expect(shown.low).toBe(1);
    expect(shown.columns.map(({ counts }) => counts)).toEqual([
      [0, 4, 0],
      [1, 0, 9],
    ]);
  });

  it('without calls has no rows', () => {
    expect(trimmed({ ...heat, columns: [{ startMs: 0, counts: [0, 0, 0, 0, 0] }] }).bounds).toEqual([]);
  });

  it('draws the fullest cell darkest and one call visibly', () => {
    const drawn = shades(trimmed(heat));
    expect(drawn.map(({ column, row }) => [column, row])).toEqual([
      [0, 1],
      [1, 0],
      [1, 2],
    ]);
    expect(drawn[2]?.shade).toBe(1);
    expect(drawn[1]?.shade).toBeGreaterThan(0.1);
    expect(drawn[0]?.shade).toBeGreaterThan(drawn[1]?.shade ?? 1);
  });

  it('finds the cell under a place', () => {
    const shown = trimmed(heat);
    expect(cellAt(shown, MINUTE_MS, MINUTE_MS + 1, 0.99)).toEqual({ column: 1, row: 2 });
    expect(cellAt(shown, MINUTE_MS, 0, 0)).toEqual({ column: 0, row: 0 });
    expect(cellAt(shown, MINUTE_MS, 2 * MINUTE_MS, 0.5)).toBeUndefined();
    expect(cellAt(shown, MINUTE_MS, 0, 1)).toBeUndefined();
  });
});

it('times on the axis are round in the viewer’s zone', () => {
  const fromMs = Date.parse('2026-01-31T23:07:00+01:00');
  const { timesMs, stepMs } = tickTimes({ fromMs, toMs: fromMs + 6 * 3_600_000 }, 8);
  expect(stepMs).toBe(3_600_000);
  expect(timesMs.map((atMs) => new Date(atMs).getMinutes())).toEqual([0, 0, 0, 0, 0, 0]);
  expect(timesMs[0]).toBe(Date.parse('2026-02-01T00:00:00+01:00'));
});
