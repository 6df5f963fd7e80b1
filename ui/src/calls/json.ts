// JSON of unknown shape, read step by step without guessing.

/** Any JSON value; undefined for a member that is not there. */
export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };

/** The value; undefined where the text is not JSON. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** JSON with line breaks; lists of numbers stay on one line, as they say nothing below each other. */
export function indented(value: Json): string {
  // Only the breaks of the layout match: within a text they are escaped.
  return JSON.stringify(value, null, 2).replaceAll(/\[\n[-\d.eE+,\s]+\]/g, (list) =>
    list.replaceAll(/\n\s*/g, ' ').replace('[ ', '[').replace(' ]', ']'),
  );
}

export function asRecord(value: Json): Record<string, Json> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function asArray(value: Json): Json[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

export function asText(value: Json): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
