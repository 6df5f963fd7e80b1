// Time ranges as people write them and as the address bar keeps them: `now-1h`, a date, or milliseconds.
// Parsing never guesses: a text that is not understood gives undefined, and the caller says so.

/** An end of a range: fixed, or so many milliseconds before the present. */
export type Instant = { kind: 'fixed'; atMs: number } | { kind: 'ago'; agoMs: number; text: string };

/** A range as it was asked for. */
export interface TimeRange {
  from: Instant;
  to: Instant;
}

/** A range at one moment, in unix milliseconds; the end is not included. */
export interface Interval {
  fromMs: number;
  toMs: number;
}

const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const UNITS_MS: Readonly<Record<string, number>> = {
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** Cells have a minute's resolution: a shorter range would show one point. */
export const RANGE_MIN_MS = MINUTE_MS;

/** Charts read well with about this many buckets: bars stay wider than their gaps on a laptop. */
const BUCKETS_MAX = 120;

/** Lengths of a bucket, each a divisor of the next day or hour, so that coarser stored cells can answer. */
const STEPS_MS: readonly number[] = [
  MINUTE_MS,
  2 * MINUTE_MS,
  5 * MINUTE_MS,
  10 * MINUTE_MS,
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
  DAY_MS,
];

/** The relative ranges on offer. */
export const PRESETS = ['15m', '1h', '6h', '24h', '7d', '30d'] as const;

const PRESET_NAMES: Readonly<Record<(typeof PRESETS)[number], string>> = {
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '6h': 'Last 6 hours',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};

/** The range that a page opens with. */
export const DEFAULT_FROM = 'now-1h';
export const DEFAULT_TO = 'now';
export const DEFAULT_RANGE: TimeRange = {
  from: { kind: 'ago', agoMs: HOUR_MS, text: DEFAULT_FROM },
  to: { kind: 'ago', agoMs: 0, text: DEFAULT_TO },
};

/** Reads `now`, `now-90m`, unix milliseconds, or a date with or without a time (local where no zone is given). */
export function parseInstant(text: string): Instant | undefined {
  const trimmed = text.trim();
  const relative = /^now(?:\s*-\s*(\d+)\s*([smhdw]))?$/.exec(trimmed);
  if (relative) {
    const agoMs = relative[1] && relative[2] ? Number(relative[1]) * (UNITS_MS[relative[2]] ?? 0) : 0;
    return { kind: 'ago', agoMs, text: trimmed.replaceAll(/\s/g, '') };
  }
  if (/^\d{10,}$/.test(trimmed)) return { kind: 'fixed', atMs: Number(trimmed) };
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(trimmed))
    return undefined;
  // A bare date means local midnight to a person, although the language says UTC.
  const atMs = Date.parse(trimmed.length === 10 ? `${trimmed}T00:00` : trimmed.replace(' ', 'T'));
  return Number.isNaN(atMs) ? undefined : { kind: 'fixed', atMs };
}

/** A relative range by its short name, such as `24h`. */
export function lastRange(length: string): { from: string; to: string } {
  return { from: `now-${length}`, to: 'now' };
}

/** Reads both ends; undefined when one is not understood or the range is empty or too short. */
export function parseRange(from: string, to: string, nowMs: number): TimeRange | undefined {
  const range = { from: parseInstant(from), to: parseInstant(to) };
  if (!range.from || !range.to) return undefined;
  const parsed = { from: range.from, to: range.to };
  const { fromMs, toMs } = resolve(parsed, nowMs);
  return toMs - fromMs >= RANGE_MIN_MS ? parsed : undefined;
}

/** Where the range lies now. */
export function resolve(range: TimeRange, nowMs: number): Interval {
  const at = (instant: Instant) => (instant.kind === 'fixed' ? instant.atMs : nowMs - instant.agoMs);
  return { fromMs: at(range.from), toMs: at(range.to) };
}

/** Whether anything could have been seen over all of an interval; half a period before would make any growth look huge. */
export function isCovered({ fromMs }: Interval, sinceMs: number | null): boolean {
  return sinceMs !== null && sinceMs <= fromMs;
}

/** Whether the range moves with the present, so that refreshing it can show something new. */
export function isLive(range: TimeRange): boolean {
  return range.from.kind === 'ago' || range.to.kind === 'ago';
}

/** The length of a bucket for a range, so that there are at most about 120. */
export function stepFor({ fromMs, toMs }: Interval): number {
  const wanted = (toMs - fromMs) / BUCKETS_MAX;
  const step = STEPS_MS.find((candidate) => candidate >= wanted);
  return step ?? Math.ceil(wanted / DAY_MS) * DAY_MS;
}

/** The interval of the same length just before. */
export function before({ fromMs, toMs }: Interval): Interval {
  return { fromMs: fromMs - (toMs - fromMs), toMs: fromMs };
}

/** What the page compares with: the same length just before, or the same time a week earlier. */
export type Comparison = 'previous' | 'week';

/** The interval to compare with. */
export function earlierThan(interval: Interval, comparison: Comparison): Interval {
  if (comparison === 'previous') return before(interval);
  return { fromMs: interval.fromMs - 7 * DAY_MS, toMs: interval.toMs - 7 * DAY_MS };
}

/** What to call it: `prev. hour`, `week before`. */
export function earlierName({ fromMs, toMs }: Interval, comparison: Comparison): string {
  return comparison === 'week' ? 'week before' : `prev. ${durationName(toMs - fromMs).replace(/^1 /, '')}`;
}

/** The interval moved by a part of its length: -0.5 is half a screen earlier. */
export function shifted({ fromMs, toMs }: Interval, share: number): Interval {
  const byMs = Math.round((toMs - fromMs) * share);
  return { fromMs: fromMs + byMs, toMs: toMs + byMs };
}

/** The interval with twice the length around the same middle, but not past the present. */
export function widened({ fromMs, toMs }: Interval, nowMs: number): Interval {
  const half = (toMs - fromMs) / 2;
  const end = Math.min(toMs + half, Math.max(nowMs, toMs));
  return { fromMs: Math.round(end - 4 * half), toMs: Math.round(end) };
}

/** At least a minute long, in whole minutes: what a brush on a chart means. */
export function brushed(aMs: number, bMs: number): Interval {
  const fromMs = Math.floor(Math.min(aMs, bMs) / MINUTE_MS) * MINUTE_MS;
  const toMs = Math.ceil(Math.max(aMs, bMs) / MINUTE_MS) * MINUTE_MS;
  return { fromMs, toMs: Math.max(toMs, fromMs + MINUTE_MS) };
}

/** What to call a range: `Last hour`, or its two ends in the viewer's zone and locale. */
export function rangeName(range: TimeRange, nowMs: number): string {
  if (range.from.kind === 'ago' && range.to.kind === 'ago' && range.to.agoMs === 0) {
    const length = range.from.text.slice('now-'.length);
    const preset = PRESETS.find((name) => name === length);
    return preset ? PRESET_NAMES[preset] : `Last ${durationName(range.from.agoMs)}`;
  }
  const { fromMs, toMs } = resolve(range, nowMs);
  return intervalName({ fromMs, toMs });
}

/** What to call a preset. */
export function presetName(preset: (typeof PRESETS)[number]): string {
  return PRESET_NAMES[preset];
}

/** The two ends of an interval in the viewer's zone and locale, without what they share. */
export function intervalName({ fromMs, toMs }: Interval): string {
  const format = new Intl.DateTimeFormat(undefined, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return format.formatRange(fromMs, toMs);
}

/** A length in the largest unit that divides it: `90 minutes`, `2 hours`, `1 day`. */
export function durationName(lengthMs: number): string {
  const named: readonly [number, string][] = [
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [MINUTE_MS, 'minute'],
    [SECOND_MS, 'second'],
  ];
  const whole = named.find(([unitMs]) => lengthMs >= unitMs && lengthMs % unitMs === 0);
  const [unitMs, name] = whole ?? [MINUTE_MS, 'minute'];
  const count = Math.max(1, Math.round(lengthMs / unitMs));
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** The name of a bucket's length for "per …": `minute`, `5 minutes`, `hour`. */
export function stepName(stepMs: number): string {
  return durationName(stepMs).replace(/^1 /, '');
}
