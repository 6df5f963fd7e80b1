// Saved views: pages with their range, filters and choices, kept by Weir for everyone who uses it.

import { ApiError } from '../api/client';
import { create, documents, remove, type StoredDocument } from '../explore/documents';
import { address } from './address.svelte';

/** A saved view. */
export interface SavedView {
  id: string;
  name: string;
  href: string;
}

/** What the address says about one moment's work and not about a view. */
const PASSING = ['call', 'at'] as const;

class Views {
  all = $state.raw<readonly SavedView[]>([]);
  error = $state.raw<ApiError>();
  loaded = $state(false);
  /** Counts removals: a list that was asked for before one still holds what is gone. */
  #removals = 0;

  /** Asks again: others save views too. */
  async load(signal: AbortSignal): Promise<void> {
    await this.#try(signal, async () => {
      const removals = this.#removals;
      const found = await documents('view', signal);
      if (removals !== this.#removals) return;
      this.all = found.flatMap(readView);
      this.loaded = true;
    });
  }

  /** Saves the page as it is now: its path and what its address says. */
  async save(name: string, signal: AbortSignal): Promise<void> {
    const params = new URLSearchParams(address.params);
    for (const passing of PASSING) params.delete(passing);
    const body = { path: address.path, search: params.toString() };
    await this.#try(signal, async () => {
      await create('view', name, body, signal);
      await this.load(signal);
    });
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#try(signal, async () => {
      await remove(id, signal);
      this.#removals += 1;
      this.all = this.all.filter((view) => view.id !== id);
    });
  }

  async #try(signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    try {
      await act();
      this.error = undefined;
    } catch (error) {
      if (signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
  }
}

/** What is stored was written by someone: a view that leads out of the app is none. */
export function readView({ id, name, body }: Pick<StoredDocument, 'id' | 'name' | 'body'>): SavedView[] {
  if (typeof body !== 'object' || body === null || !('path' in body) || !('search' in body)) return [];
  const { path, search } = body;
  if (typeof path !== 'string' || typeof search !== 'string' || !/^\/(?![/\\])/.test(path)) return [];
  return [{ id, name, href: search === '' ? path : `${path}?${search}` }];
}

export const views = new Views();
