// A value that is loaded over the network and loaded again when what it depends on changes.
// While a newer one loads the older one stays, so that nothing on the page jumps; a superseded call is aborted.

import { untrack } from 'svelte';
import { ApiError } from './client';

export class Resource<T> {
  /** The newest value that arrived. */
  data = $state.raw<T>();
  /** Why the newest attempt failed; undefined when it succeeded or is under way. */
  error = $state.raw<ApiError>();
  loading = $state(true);
  #attempt = $state(0);

  /**
   * Must be made while a component initialises. What `load` reads before its first `await` is what it depends on;
   * undefined means that there is nothing to load now.
   */
  constructor(load: (signal: AbortSignal) => Promise<T> | undefined) {
    $effect(() => {
      void this.#attempt;
      const controller = new AbortController();
      const promise = load(controller.signal);
      untrack(() => void this.#follow(promise, controller.signal));
      return () => controller.abort(new DOMException('superseded', 'AbortError'));
    });
  }

  /** Asks again. */
  retry(): void {
    this.#attempt += 1;
  }

  async #follow(promise: Promise<T> | undefined, signal: AbortSignal): Promise<void> {
    if (promise === undefined) {
      this.data = undefined;
      this.error = undefined;
      this.loading = false;
      return;
    }
    this.loading = true;
    try {
      const data = await promise;
      if (signal.aborted) return;
      this.data = data;
      this.error = undefined;
    } catch (error) {
      if (signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
    this.loading = false;
  }
}
