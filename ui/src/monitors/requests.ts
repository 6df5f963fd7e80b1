// Asks the API about monitors, alerts and silences. One function per route; shapes come from the API's own document.

import { ask, ends, tell } from '../api/client';
import type { components } from '../api/schema';
import type { Interval } from '../time/range';

type Schemas = components['schemas'];

export type Monitor = Schemas['MonitorItem'];
export type MonitorDetail = Schemas['MonitorDetail'];
export type Group = Schemas['GroupItem'];
export type Alert = Schemas['AlertItem'];
export type State = Schemas['StateName'];
export type Reason = Schemas['ReasonName'];
export type JudgedSeries = Schemas['JudgedSeriesItem'];
export type MonitorSeries = Schemas['MonitorSeries'];
export type Transition = Schemas['TransitionItem'];
export type Notification = Schemas['NotificationItem'];
export type Silence = Schemas['SilenceItem'];
export type SilenceRequest = Schemas['SilenceRequest'];
export type Preview = Schemas['PreviewAnswer'];
export type ConditionAnswer = Schemas['ConditionAnswer'];
export type ActionItem = Schemas['ActionItem'];
export type AuditItem = Schemas['AuditItem'];

/** An entry with the keys of `[[monitors]]`. */
export type Entry = Readonly<Record<string, unknown>>;

const path = (name: string) => `/api/monitors/${encodeURIComponent(name)}`;

/** All monitors, in the order of their definitions. */
export async function monitors(signal: AbortSignal): Promise<Monitor[]> {
  return (await ask<Schemas['MonitorList']>('/api/monitors', {}, signal)).monitors;
}

/** One monitor and its groups. */
export function monitor(name: string, signal: AbortSignal): Promise<MonitorDetail> {
  return ask(path(name), {}, signal);
}

/** What a monitor saw of one group, or of the worst ones. */
export function series(
  name: string,
  group: string,
  range: Interval,
  signal: AbortSignal,
): Promise<MonitorSeries> {
  return ask(`${path(name)}/series`, { group, ...ends(range) }, signal);
}

/** How states changed, the newest first. */
export async function transitions(name: string, group: string, signal: AbortSignal): Promise<Transition[]> {
  const answer = await ask<Schemas['TransitionList']>(`${path(name)}/transitions`, { group }, signal);
  return answer.transitions;
}

/** Everything that is not well. */
export function alerts(signal: AbortSignal): Promise<Schemas['AlertList']> {
  return ask('/api/alerts', {}, signal);
}

/** Says who looks after an alert. */
export function acknowledge(
  alertId: string,
  by: string,
  note: string,
  signal: AbortSignal,
): Promise<unknown> {
  return tell('POST', `/api/alerts/${encodeURIComponent(alertId)}/acknowledge`, { by, note }, signal);
}

/** Who was told, of one monitor or of all. */
export async function notifications(name: string, signal: AbortSignal): Promise<Notification[]> {
  const answer = await ask<Schemas['NotificationList']>('/api/notifications', { monitor: name }, signal);
  return answer.notifications;
}

/** Silences that are or will be. */
export async function silences(signal: AbortSignal): Promise<Silence[]> {
  return (await ask<Schemas['SilenceList']>('/api/silences', {}, signal)).silences;
}

/** Makes a silence. */
export function silence(request: SilenceRequest, signal: AbortSignal): Promise<Silence> {
  return tell('POST', '/api/silences', request, signal);
}

/** Ends a silence. */
export function endSilence(id: string, by: string, signal: AbortSignal): Promise<void> {
  const search = by === '' ? '' : `?${new URLSearchParams({ by })}`;
  return tell('DELETE', `/api/silences/${encodeURIComponent(id)}${search}`, undefined, signal);
}

/** What a condition means; an error says what is wrong with it, and where. */
export function explain(condition: string, signal: AbortSignal): Promise<ConditionAnswer> {
  return tell('POST', '/api/monitors/explain', { condition }, signal);
}

/** What an entry would have done. */
export function preview(entry: Entry, range: Interval, signal: AbortSignal): Promise<Preview> {
  return tell('POST', '/api/monitors/preview', { entry, ...ends(range) }, signal);
}

/** Saves an entry over what files say. */
export function save(name: string, entry: Entry, by: string, signal: AbortSignal): Promise<Monitor> {
  return tell('PUT', path(name), { entry, by }, signal);
}

/** Forgets what was saved. */
export function forget(name: string, by: string, signal: AbortSignal): Promise<void> {
  const search = by === '' ? '' : `?${new URLSearchParams({ by })}`;
  return tell('DELETE', `${path(name)}/saved${search}`, undefined, signal);
}

/** What monitors told the gateway to do. */
export async function actions(signal: AbortSignal): Promise<ActionItem[]> {
  return (await ask<Schemas['ActionList']>('/api/actions', {}, signal)).actions;
}

/** Who changed what. */
export async function audit(range: Interval, signal: AbortSignal): Promise<AuditItem[]> {
  return (await ask<Schemas['AuditList']>('/api/audit', ends(range), signal)).entries;
}
