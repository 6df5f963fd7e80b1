// What keys do outside of fields: `g` and a letter go to a page, single keys act. One list for acting and for the help.

import { GROUPS, type Route } from './routes';

/** What a key press means. */
export type Action =
  | { kind: 'go'; route: Route }
  | { kind: 'search' | 'palette' | 'help' | 'refresh' | 'earlier' | 'later' | 'wider' | 'theme' };

/** The keys that act alone, as the help lists them. */
export const KEYS: readonly { key: string; name: string; action: Exclude<Action['kind'], 'go'> }[] = [
  { key: '/', name: 'Search: in this page’s list, or for a page', action: 'search' },
  { key: '?', name: 'These keys', action: 'help' },
  { key: 'r', name: 'Refresh now', action: 'refresh' },
  { key: '[', name: 'Half a range earlier', action: 'earlier' },
  { key: ']', name: 'Half a range later', action: 'later' },
  { key: '-', name: 'Twice as long a range', action: 'wider' },
  { key: 'T', name: 'Light or dark', action: 'theme' },
];

/** The pages that a key goes to. */
export const GOES: readonly Route[] = GROUPS.flat().filter(({ key }) => key !== undefined);

/** Longer than this between `g` and the letter, and they do not belong together. */
const PAIR_MS = 1_200;

/** A key as it was pressed. */
export interface Press {
  key: string;
  ctrl: boolean;
  alt: boolean;
  atMs: number;
}

/** Reads key presses one after another; keeps a `g` in mind until the next. */
export class KeyReader {
  #gAtMs = -Infinity;

  read({ key, ctrl, alt, atMs }: Press): Action | undefined {
    if (alt) return undefined;
    if (ctrl) return key.toLowerCase() === 'k' ? { kind: 'palette' } : undefined;
    if (atMs - this.#gAtMs <= PAIR_MS) {
      this.#gAtMs = -Infinity;
      const route = GOES.find((one) => one.key === key);
      return route && { kind: 'go', route };
    }
    if (key === 'g') {
      this.#gAtMs = atMs;
      return undefined;
    }
    const found = KEYS.find((one) => one.key === key);
    return found && { kind: found.action };
  }
}
