// Dashboards' grid: nothing overlaps, nothing hangs in the air, and what is moved goes where it was put.

import { describe, expect, it } from 'vitest';
import { added, COLUMNS, moved, resized, settled, type Box } from '../src/explore/grid';

const box = (id: string, x: number, y: number, w: number, h: number): Box => ({ id, x, y, w, h });
const find = (boxes: readonly Box[], id: string) => boxes.find((one) => one.id === id);

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** The laws of the grid. */
function expectSettled(boxes: readonly Box[]) {
  for (const [i, one] of boxes.entries()) {
    expect(one.x).toBeGreaterThanOrEqual(0);
    expect(one.x + one.w).toBeLessThanOrEqual(COLUMNS);
    for (const other of boxes.slice(i + 1)) expect(overlap(one, other), `${one.id} ${other.id}`).toBe(false);
    const raised = { ...one, y: one.y - 1 };
    const rests = one.y === 0 || boxes.some((other) => other.id !== one.id && overlap(raised, other));
    expect(rests, `${one.id} rests on something`).toBe(true);
  }
}

describe('the grid', () => {
  it('lets a box that moves past the middle of another take its place', () => {
    const boxes = [box('a', 0, 0, 6, 4), box('b', 0, 4, 6, 4)];
    expect(find(moved(boxes, 'b', 0, 1), 'b')).toMatchObject({ y: 0 });
    expect(find(moved(boxes, 'b', 0, 3), 'b')).toMatchObject({ y: 4 });
    expect(find(moved(boxes, 'a', 0, 3), 'a')).toMatchObject({ y: 4 });
    expect(find(moved(boxes, 'a', 0, 1), 'a')).toMatchObject({ y: 0 });
  });

  it('moves others down when a box comes or grows beside them', () => {
    const boxes = [box('a', 0, 0, 6, 4), box('b', 6, 0, 6, 4)];
    expect(moved(boxes, 'a', 6, 0)).toEqual([box('a', 6, 0, 6, 4), box('b', 6, 4, 6, 4)]);
    expect(resized(boxes, 'a', 8, 4)).toEqual([box('a', 0, 0, 8, 4), box('b', 6, 4, 6, 4)]);
  });

  it('adds below everything', () => {
    expect(find(added([box('a', 0, 0, 12, 4)], box('b', 5, 0, 6, 2)), 'b')).toEqual(box('b', 0, 4, 6, 2));
  });

  it('keeps its laws through any row of moves and sizes', () => {
    // A fixed sequence that looks random: the failing step can be run again.
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    let boxes: Box[] = settled(
      Array.from({ length: 9 }, (_, i) => box(`p${i}`, next(9), next(9), 2 + next(2), 2 + next(4))),
    );
    for (let step = 0; step < 200; step += 1) {
      const id = `p${next(9)}`;
      boxes =
        next(2) === 0 ? moved(boxes, id, next(16) - 2, next(20) - 2) : resized(boxes, id, next(16), next(16));
      expectSettled(boxes);
      expect(boxes).toHaveLength(9);
    }
  });
});
