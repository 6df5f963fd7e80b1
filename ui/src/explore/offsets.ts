// Places in texts: the API of completions counts bytes of UTF-8, errors of SQL are told in words, and editors count
// UTF-16 code units.

const encoder = new TextEncoder();

/** The place in bytes of a place in code units. */
export function bytesAt(text: string, units: number): number {
  return encoder.encode(text.slice(0, units)).length;
}

/** The place in code units of a place in bytes; within a character, its beginning. */
export function unitsAt(text: string, bytes: number): number {
  let counted = 0;
  let units = 0;
  for (const character of text) {
    counted += encoder.encode(character).length;
    if (counted > bytes) break;
    units += character.length;
  }
  return units;
}

/** A part of a text, in code units. */
export type Place = readonly [from: number, to: number];

/**
 * Where a statement is wrong, as the store tells it: by a line with a caret below, or by the number of a character.
 * Undefined where it does not tell.
 */
export function sqlPlace(sql: string, message: string): Place | undefined {
  const character = /\(at character (\d+)\)/.exec(message);
  if (character?.[1] !== undefined) return wordAt(sql, unitsAt(sql, Number(character[1])));
  const caret = /LINE (\d+): (.*)\n(\s*)\^/.exec(message);
  if (caret?.[1] === undefined || caret[2] === undefined || caret[3] === undefined) return undefined;
  const number = Number(caret[1]);
  const lines = sql.split('\n');
  const line = lines[number - 1];
  if (line === undefined) return undefined;
  const start = lines.slice(0, number - 1).reduce((sum, { length }) => sum + length + 1, 0);
  const column = caret[3].length - `LINE ${caret[1]}: `.length;
  // A long line is cut on both sides; what stands at the caret says where in the whole line it is.
  const shown = caret[2];
  const shift = shown.startsWith('...') ? line.indexOf(shown.slice(3).replace(/\.\.\.$/, '')) - 3 : 0;
  return wordAt(sql, start + Math.max(0, column + Math.max(shift, -column)));
}

function wordAt(text: string, at: number): Place {
  const from = Math.min(Math.max(at, 0), text.length);
  const word = /^[\p{L}\p{N}_]+|^\S/u.exec(text.slice(from));
  return [from, from + (word?.[0].length ?? 0)];
}
