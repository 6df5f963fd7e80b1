// Short texts about a call that the list and the panel share.

import type { Span } from '../api/types';

/** What identifies a call in lists. */
export function callKey({ trace_id, span_id }: Pick<Span, 'trace_id' | 'span_id'>): string {
  return `${trace_id}/${span_id}`;
}

/** Who made the call, most specific first. */
export function caller({ agent, app, team }: Pick<Span, 'agent' | 'app' | 'team'>): string {
  return [app, agent, team].filter((name) => name !== null).join(' · ');
}

/** How it ended: the HTTP status, and the cause where it failed. */
export function outcome({ status, error_type, http_status }: Span): string {
  if (status === 'ok') return http_status === null ? 'ok' : String(http_status);
  return [http_status, error_type ?? 'error'].filter((part) => part !== null).join(' ');
}

/** Tokens written per second while the answer was coming; undefined where that is not known. */
export function tokensPerSecond({ tokens, duration_ms, ttft_ms }: Span): number | undefined {
  if (tokens.output === null || tokens.output < 2) return undefined;
  const seconds = (duration_ms - (ttft_ms ?? 0)) / 1_000;
  return seconds > 0 ? tokens.output / seconds : undefined;
}

/** Whether two times are of the same day where the viewer is. */
export function isToday(atMs: number, nowMs: number): boolean {
  return new Date(atMs).toDateString() === new Date(nowMs).toDateString();
}

/** The time of a call: with its date unless it was today. */
export function callTime(startMs: number, nowMs: number): string {
  const clock: Intl.DateTimeFormatOptions = {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  };
  const date: Intl.DateTimeFormatOptions = isToday(startMs, nowMs) ? {} : { month: 'short', day: 'numeric' };
  return new Intl.DateTimeFormat(undefined, { ...date, ...clock }).format(startMs);
}

/** The whole time of a call, to the millisecond, with the zone. */
export function exactTime(startMs: number): string {
  return new Intl.DateTimeFormat(undefined, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    timeZoneName: 'short',
  }).format(startMs);
}
