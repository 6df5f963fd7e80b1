// How silences recur, from a menu of what people need to RRULEs of RFC 5545 and back to words.

export interface Recurrence {
  key: string;
  title: string;
  /** Absent for once. */
  rrule?: string;
}

export const RECURRENCES: readonly Recurrence[] = [
  { key: 'once', title: 'Once' },
  { key: 'daily', title: 'Every day', rrule: 'FREQ=DAILY' },
  { key: 'weekdays', title: 'Monday to Friday', rrule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' },
  { key: 'weekend', title: 'Saturday and Sunday', rrule: 'FREQ=WEEKLY;BYDAY=SA,SU' },
  { key: 'weekly', title: 'Every week', rrule: 'FREQ=WEEKLY' },
  { key: 'monthly', title: 'Every month', rrule: 'FREQ=MONTHLY' },
];

/** A rule in words; the rule itself where there are none. */
export function recurrenceName(rrule: string | null): string {
  if (rrule === null) return 'once';
  return RECURRENCES.find((one) => one.rrule === rrule)?.title.toLowerCase() ?? rrule;
}

/** How long silences usually last, as the API writes an end. */
export const LENGTHS = [
  { key: '30m', title: '30 minutes' },
  { key: '1h', title: '1 hour' },
  { key: '4h', title: '4 hours' },
  { key: '1d', title: '1 day' },
  { key: '7d', title: '1 week' },
] as const;

/** A value as a scope writes it: wildcards stay, everything that could be read otherwise is quoted. */
function scopeValue(value: string): string {
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.\-/:@*]*$/u.test(value)
    ? value
    : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The scope of one monitor, or of one of its groups. */
export function scopeOf(monitor: string, tags: Readonly<Record<string, string | null>> = {}): string {
  const group = Object.entries(tags).flatMap(([key, value]) =>
    value === null ? [] : [`${key}:${scopeValue(value)}`],
  );
  return [`monitor:${scopeValue(monitor)}`, ...group].join(' AND ');
}
