// Places in texts that are marked for people: judges and guards count bytes of UTF-8, browsers count UTF-16 code units.

/** A marked part of a text, in code units. */
export interface Mark {
  start: number;
  end: number;
  /** What the mark belongs to; a claim, its sentence and its quotes have the same. */
  key: string;
  /** What the mark says: a verdict, `quote` or `match`. */
  tone: string;
  /** In words, for pointing at. */
  title: string;
}

/** A part of a text with the same marks from its beginning to its end. */
export interface Piece {
  text: string;
  marks: readonly Mark[];
}

/**
 * Places in bytes as places in code units, in the order asked for. A place within a character is its beginning, one
 * after the end is the end. Takes one pass over the text however many are asked for.
 */
export function unitsOf(text: string, places: readonly number[]): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const found = new Array<number>(places.length).fill(text.length);
  let next = 0;
  let bytes = 0;
  for (let unit = 0; unit < text.length && next < order.length;) {
    const code = text.codePointAt(unit) ?? 0;
    const width = code > 0xffff ? 2 : 1;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    while (next < order.length && (places[order[next] ?? 0] ?? 0) < bytes) {
      found[order[next] ?? 0] = unit;
      next += 1;
    }
    unit += width;
  }
  return found;
}

/** A text cut where marks begin and end. Marks may overlap; what lies outside of the text is left out. */
export function pieces(text: string, marks: readonly Mark[]): Piece[] {
  const inside = marks
    .map((mark) => ({ ...mark, start: Math.max(0, mark.start), end: Math.min(text.length, mark.end) }))
    .filter(({ start, end }) => start < end);
  const cuts = [...new Set([0, text.length, ...inside.flatMap(({ start, end }) => [start, end])])];
  cuts.sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, i) => {
    const to = cuts[i + 1] ?? text.length;
    return {
      text: text.slice(from, to),
      marks: inside.filter(({ start, end }) => start <= from && end >= to),
    };
  });
}

/**
 * Where a text says something, however it breaks its lines; undefined where it does not. Judges copy sentences without
 * their breaks, and in another case where a sentence became a claim.
 */
export function placeOf(wanted: string, text: string): readonly [start: number, end: number] | undefined {
  const words = wanted
    .trim()
    .replace(/^["“…]+|["”…]+$/g, '')
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '…');
  if (words.length === 0 || wanted.length > text.length * 2) return undefined;
  const pattern = words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+');
  const found = new RegExp(pattern, 'iu').exec(text);
  return found ? [found.index, found.index + found[0].length] : undefined;
}

/** A part of a text around a mark, so many code units to each side, with `…` where more is left out. */
export function around(
  text: string,
  [start, end]: readonly [number, number],
  units: number,
): { before: string; marked: string; after: string } {
  const from = wholeFrom(text, Math.max(0, start - units));
  const to = wholeFrom(text, Math.min(text.length, end + units));
  const flat = (part: string) => part.replaceAll(/\s+/g, ' ');
  return {
    before: `${from > 0 ? '…' : ''}${flat(text.slice(from, start))}`,
    marked: flat(text.slice(start, end)),
    after: `${flat(text.slice(end, to))}${to < text.length ? '…' : ''}`,
  };
}

/** The beginning of the character at a place. */
function wholeFrom(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
