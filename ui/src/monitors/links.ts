// Addresses of monitors, their groups, and the calls behind what they found.

import { address } from '../frame/address.svelte';

/** A monitor, or one of its groups; the range of the page is kept. */
export function monitorHref(name: string, group = ''): string {
  return address.href(`/monitors/${encodeURIComponent(name)}`, { group });
}

/** A definition is tried on a week, with its nights and its week-end, unless another range was chosen. */
function tried(): string {
  return address.get('from') || 'now-7d';
}

/** Changing a monitor. */
export function editHref(name: string): string {
  return address.href('/edit-monitor', { monitor: name, from: tried() });
}

/** A new monitor on an expression or a condition. */
export function newHref(condition = ''): string {
  return address.href('/edit-monitor', { condition, from: tried() });
}

/**
 * The call that shows it best; where scores are judged, at what was said about it. Without an expression the trace opens
 * at what is marked in it as wrong.
 */
export function traceHref(traceId: string, expression: string | null = null): string {
  const score = /\b(custom|weir)\.\w+(\.\w+)*/.exec(expression ?? '')?.[0];
  return address.href(`/traces/${traceId}`, { score });
}
