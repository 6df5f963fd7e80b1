// Where panels stand: on a grid of twelve columns, without overlaps, each as high up as it can be. Pure, so that mouse
// and keyboard do the same and a test can move things.

/** How many columns a dashboard has: halves, thirds and quarters are whole. */
export const COLUMNS = 12;

/** Lower than this nobody scrolls. */
export const ROWS_MAX = 400;

const WIDTH_MIN = 2;
const HEIGHT_MIN = 2;
const HEIGHT_MAX = 12;

/** A rectangle of cells. */
export interface Box {
  id: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

/**
 * Puts one box at a place, and makes room. It takes the place of a box that it was moved past the middle of: by its upper
 * edge when it goes up or aside, by its lower edge when it goes down.
 */
export function moved<B extends Box>(boxes: readonly B[], id: string, x: number, y: number): B[] {
  const box = boxes.find((one) => one.id === id);
  if (!box) return [...boxes];
  const target = {
    ...box,
    x: clamp(Math.round(x), 0, COLUMNS - box.w),
    y: clamp(Math.round(y), 0, ROWS_MAX),
  };
  const edge = target.y > box.y ? target.y + target.h : target.y;
  return settled(replaced(boxes, target), { id, edge });
}

/** Gives one box another size, within the grid. */
export function resized<B extends Box>(boxes: readonly B[], id: string, w: number, h: number): B[] {
  const box = boxes.find((one) => one.id === id);
  if (!box) return [...boxes];
  const target = {
    ...box,
    w: clamp(Math.round(w), WIDTH_MIN, COLUMNS - box.x),
    h: clamp(Math.round(h), HEIGHT_MIN, HEIGHT_MAX),
  };
  return settled(replaced(boxes, target), { id, edge: target.y });
}

/** Adds a box below all others. */
export function added<B extends Box>(boxes: readonly B[], box: B): B[] {
  const bottom = boxes.reduce((low, { y, h }) => Math.max(low, y + h), 0);
  return settled([...boxes, { ...box, x: 0, y: bottom }]);
}

/**
 * Makes overlaps and holes disappear: boxes are placed from top to bottom by their middles, each as high as it can be.
 * The one that was touched is placed by an edge instead.
 */
export function settled<B extends Box>(boxes: readonly B[], touched?: { id: string; edge: number }): B[] {
  const key = (box: Box) => (box.id === touched?.id ? touched.edge : box.y + box.h / 2);
  const order = boxes.toSorted(
    (a, b) => key(a) - key(b) || Number(b.id === touched?.id) - Number(a.id === touched?.id) || a.x - b.x,
  );
  const placed: B[] = [];
  for (const box of order) {
    let y = 0;
    while (placed.some((other) => overlaps(other, { ...box, y }))) y += 1;
    placed.push({ ...box, y });
  }
  // The order of the list stays: it is the order of reading aloud and of the keyboard.
  return boxes.flatMap(({ id }) => placed.filter((box) => box.id === id));
}

/** How many rows all boxes take. */
export function rowsOf(boxes: readonly Box[]): number {
  return boxes.reduce((low, { y, h }) => Math.max(low, y + h), 0);
}

function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

function replaced<B extends Box>(boxes: readonly B[], box: B): B[] {
  return boxes.map((one) => (one.id === box.id ? box : one));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
