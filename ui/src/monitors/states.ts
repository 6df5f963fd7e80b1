// What states are called and look like. Each has a shape of its own beside its colour, for eyes that do not tell them apart.

import { since } from '../format/moment';
import type { Group, Monitor, Reason, State } from './requests';

const MINUTE_MS = 60_000;

/** What a monitor as a whole may be: as its groups are, or switched off, or in no state because it cannot be evaluated. */
export type Standing = State | 'off' | 'error';

interface Look {
  name: string;
  /** The token of its colour for text and shapes. */
  color: string;
  /** The outline of a 12 by 12 drawing. */
  shape: string;
}

export const LOOKS: Readonly<Record<Standing, Look>> = {
  alert: { name: 'Alert', color: '--bad', shape: 'M1 1h10v10H1z' },
  warn: { name: 'Warning', color: '--warn', shape: 'M6 .8l5.4 10H.6z' },
  no_data: { name: 'No data', color: '--text-muted', shape: 'M6 .8L11.2 6 6 11.2.8 6z' },
  ok: { name: 'OK', color: '--good', shape: 'M6 1a5 5 0 1 1 0 10A5 5 0 1 1 6 1z' },
  off: { name: 'Off', color: '--text-muted', shape: 'M1.5 5h9v2h-9z' },
  error: { name: 'Not evaluated', color: '--bad', shape: 'M6 .8L11.2 6 6 11.2.8 6z' },
};

/** The worst first. */
export const STANDINGS: readonly Standing[] = ['alert', 'error', 'warn', 'no_data', 'ok', 'off'];

/** How a monitor as a whole is. */
export function standingOf({ is_enabled, error, state }: Monitor): Standing {
  if (!is_enabled) return 'off';
  return error !== null && state === 'ok' ? 'error' : state;
}

/** Monitors by how much they need a person; those of the same standing by their last change, newest first. */
export function worstFirst(monitors: readonly Monitor[]): Monitor[] {
  const rank = (monitor: Monitor) => STANDINGS.indexOf(standingOf(monitor));
  return monitors.toSorted(
    (a, b) =>
      rank(a) - rank(b) || (b.changed_at_ms ?? 0) - (a.changed_at_ms ?? 0) || (a.name < b.name ? -1 : 1),
  );
}

/** How many monitors are in each standing. */
export function countStandings(monitors: readonly Monitor[]): Record<Standing, number> {
  const counts: Record<Standing, number> = { alert: 0, error: 0, warn: 0, no_data: 0, ok: 0, off: 0 };
  for (const monitor of monitors) counts[standingOf(monitor)] += 1;
  return counts;
}

/** Monitors whose name, condition or message has all the words, in a standing if one is wanted. */
export function matching(
  monitors: readonly Monitor[],
  words: string,
  standing: Standing | undefined,
): Monitor[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return monitors.filter((monitor) => {
    const text =
      `${monitor.name} ${monitor.condition} ${monitor.message} ${monitor.defined_in}`.toLowerCase();
    return (
      (standing === undefined || standingOf(monitor) === standing) &&
      wanted.every((word) => text.includes(word))
    );
  });
}

/** What a group is called. One of several without any tag is what has none of them. */
export function groupLabel({ tags }: Pick<Group, 'tags'>, isOneOfSeveral = false): string {
  const values = Object.values(tags).map((value) => value ?? 'none');
  if (values.length === 0) return isOneOfSeveral ? 'none' : 'everything';
  return values.join(' · ');
}

export const REASONS: Readonly<Record<Reason, string>> = {
  crossed: 'crossed the threshold',
  recovered: 'recovered',
  no_data: 'values stopped',
  data_returned: 'values came back',
  group_expired: 'not seen for long',
  definition_changed: 'the monitor was changed',
  revised: 'late values',
};

/** What a group is about to be: `alert if it stays so, for 3 min now`; without a time while there is none to speak of. */
export function pendingText({ state, since_ms }: NonNullable<Group['pending']>, nowMs: number): string {
  const lasts = nowMs - since_ms < MINUTE_MS ? '' : `, for ${since(since_ms, nowMs)} now`;
  return `${LOOKS[state].name.toLowerCase()} if it stays so${lasts}`;
}

/** How many groups are in which state: `2 alert, 1 warning, 40 ok`. */
export function countsText({ ok, no_data, warn, alert }: Monitor['counts']): string {
  const parts: [number, string][] = [
    [alert, 'alert'],
    [warn, 'warning'],
    [no_data, 'no data'],
    [ok, 'ok'],
  ];
  const said = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return said.length === 0 ? 'none seen yet' : said.join(', ');
}
