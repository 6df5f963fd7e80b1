// Asks Weir's API. One function per endpoint, each with a signal to stop when nobody waits any more. Paths, parameters
// and answers are checked against the API's own document by the types generated from it.
// Every failure is an `ApiError` with a sentence for people; an aborted call throws the signal's own reason.

import type { Interval } from '../time/range';
import type { paths } from './schema';
import type {
  Answer,
  ErrorBody,
  FacetValue,
  InstantAnswer,
  Key,
  KeyCreated,
  KeyRequest,
  Span,
  SpanPage,
  Status,
} from './types';

/** Why an answer is missing. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    message: string,
    readonly hint?: string,
    /** The HTTP status; undefined when Weir could not be reached. */
    readonly status?: number,
    /** Where in a question the fault lies: start and end in UTF-16 code units. */
    readonly place?: readonly [number, number],
  ) {
    super(message);
  }
}

/** How many calls are under way: a refresh waits for the one before it. */
let pendingCount = 0;

export function isBusy(): boolean {
  return pendingCount > 0;
}

/** One question in the expression language, answered over time. */
export function query(expr: string, range: Interval, stepMs: number, signal: AbortSignal): Promise<Answer> {
  return get('/api/query', { expr, ...ends(range), step: String(stepMs) }, signal);
}

/** One number for each group over the whole range. */
export function instant(expr: string, range: Interval, signal: AbortSignal): Promise<InstantAnswer> {
  return get('/api/query/instant', { expr, ...ends(range) }, signal);
}

/** A page of spans, newest first; `after` is the `next` of the page before. */
export function spans(
  { range, filter, limit, after }: { range: Interval; filter: string; limit: number; after?: string },
  signal: AbortSignal,
): Promise<SpanPage> {
  const from = after === undefined ? {} : { after };
  return get('/api/spans', { ...ends(range), filter, limit, ...from }, signal);
}

/** One span, whole. */
export function span(traceId: string, spanId: string, signal: AbortSignal): Promise<Span> {
  return getPath<'/api/spans/{trace_id}/{span_id}'>(`/api/spans/${traceId}/${spanId}`, signal);
}

/** The most frequent values of a tag. */
export async function facets(
  { tag, range, filter, limit }: { tag: string; range: Interval; filter: string; limit: number },
  signal: AbortSignal,
): Promise<FacetValue[]> {
  return (await get('/api/facets', { tag, ...ends(range), filter, limit }, signal)).values;
}

/** All virtual keys, newest first, revoked ones included. */
export async function keys(signal: AbortSignal): Promise<Key[]> {
  return (await getPath<'/api/keys'>('/api/keys', signal)).keys;
}

/** Makes a virtual key; its secret is in this answer and nowhere else ever. */
export function makeKey(
  key: Partial<KeyRequest> & { name: string },
  signal: AbortSignal,
): Promise<KeyCreated> {
  return tell('POST', '/api/keys', key, signal);
}

/** Revokes a virtual key: it stops to work at once. */
export function revokeKey(id: string, signal: AbortSignal): Promise<Key> {
  return tell('DELETE', `/api/keys/${encodeURIComponent(id)}`, undefined, signal);
}

/** What Weir says about itself. */
export function status(signal: AbortSignal): Promise<Status> {
  return getPath<'/api/status'>('/api/status', signal);
}

/** Logs in with the admin token; the session is a cookie that scripts cannot read. */
export async function logIn(token: string, signal: AbortSignal): Promise<void> {
  type Login = paths['/api/session']['post']['requestBody']['content']['application/json'];
  const login: Login = { token };
  const headers = { 'content-type': 'application/json' };
  await send('/api/session', { method: 'POST', body: JSON.stringify(login), headers, signal });
}

/** Asks by GET; parameters that are undefined or empty are left out. The caller names what the answer is. */
export function ask<T>(
  path: string,
  params: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal,
): Promise<T> {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return answered<T>(search.size === 0 ? path : `${path}?${search}`, { signal });
}

/** Sends a body, or nothing for a DELETE. The caller names what the answer is. */
export function tell<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return answered<T>(path, { method, signal, headers: { 'content-type': 'application/json' }, ...sent });
}

type GetPath = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
type QueryOf<P extends GetPath> = paths[P]['get'] extends { parameters: { query?: infer Q } } ? Q : never;
type AnswerOf<P extends GetPath> = paths[P]['get'] extends {
  responses: { 200: { content: { 'application/json': infer A } } };
}
  ? A
  : never;

/** Both ends of a range as the API writes them. */
export function ends({ fromMs, toMs }: Interval) {
  return { from: String(fromMs), to: String(toMs) };
}

function get<P extends GetPath>(path: P, params: QueryOf<P>, signal: AbortSignal): Promise<AnswerOf<P>> {
  const given = Object.entries(params ?? {}).filter(([, value]) => value !== '');
  return getPath<P>(
    `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`,
    signal,
  );
}

function getPath<P extends GetPath>(url: string, signal: AbortSignal): Promise<AnswerOf<P>> {
  return answered<AnswerOf<P>>(url, { signal });
}

async function answered<T>(url: string, request: RequestInit & { signal: AbortSignal }): Promise<T> {
  const headers = { accept: 'application/json', ...request.headers };
  const response = await send(url, { ...request, headers });
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError('What Weir answered is not JSON', 'Does a proxy in between answer instead?');
  }
}

async function send(url: string, request: RequestInit & { signal: AbortSignal }): Promise<Response> {
  pendingCount += 1;
  try {
    const response = await fetch(url, request);
    if (!response.ok) throw await refusal(response);
    return response;
  } catch (error) {
    if (request.signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError('Weir cannot be reached', 'Is the process still running?');
  } finally {
    pendingCount -= 1;
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (!isErrorBody(body))
    return new ApiError(`Weir answered with status ${response.status}`, undefined, response.status);
  const { message, hint, span } = body.error;
  const place = span?.[0] === undefined || span[1] === undefined ? undefined : ([span[0], span[1]] as const);
  return new ApiError(message, hint ?? undefined, response.status, place);
}

function isErrorBody(body: unknown): body is ErrorBody {
  return (
    typeof body === 'object' &&
    body !== null &&
    'error' in body &&
    typeof body.error === 'object' &&
    body.error !== null &&
    'message' in body.error
  );
}
