// Moments as people read them, in the viewer's zone and locale.

const day = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** A moment of these days: `Nov 27, 14:05`. */
export function when(atMs: number): string {
  return day.format(atMs);
}

const UNITS: readonly [number, string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

/** How long since, in its two largest units: `2 h 5 min`; `just now` under a minute. */
export function since(atMs: number, nowMs: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, nowMs - atMs);
  for (const [unitMs, name] of UNITS) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0 && parts.length < 2) parts.push(`${count}\u00a0${name}`);
    else if (parts.length > 0) break;
  }
  return parts.length === 0 ? 'just now' : parts.join(' ');
}
