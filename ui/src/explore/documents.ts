// Panels and dashboards as Weir keeps them. A change states the revision that it was made from: whoever was faster wins,
// and the other is told.

import { ask, tell } from '../api/client';
import type { Json } from '../calls/json';

export type DocumentKind = 'view' | 'panel' | 'dashboard';

/** One stored document. */
export interface StoredDocument {
  id: string;
  kind: DocumentKind;
  name: string;
  body: Json;
  created_at_ms: number;
  updated_at_ms: number;
  revision: number;
}

export async function documents(kind: DocumentKind, signal: AbortSignal): Promise<StoredDocument[]> {
  const answer = await ask<{ documents: StoredDocument[] }>('/api/documents', { kind }, signal);
  return answer.documents.toSorted((a, b) => a.name.localeCompare(b.name));
}

export function storedDocument(id: string, signal: AbortSignal): Promise<StoredDocument> {
  return ask(`/api/documents/${encodeURIComponent(id)}`, {}, signal);
}

export function create(
  kind: DocumentKind,
  name: string,
  body: Json,
  signal: AbortSignal,
): Promise<StoredDocument> {
  return tell('POST', '/api/documents', { kind, name, body }, signal);
}

export function update(
  { id, revision }: Pick<StoredDocument, 'id' | 'revision'>,
  name: string,
  body: Json,
  signal: AbortSignal,
): Promise<StoredDocument> {
  return tell('PUT', `/api/documents/${encodeURIComponent(id)}`, { name, body, revision }, signal);
}

export function remove(id: string, signal: AbortSignal): Promise<void> {
  return tell('DELETE', `/api/documents/${encodeURIComponent(id)}`, undefined, signal);
}
