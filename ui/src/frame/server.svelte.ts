// What is known about the Weir behind the page: whether it answers, whether it wants a login, its clock, and
// whether it has seen any call yet.

import { ApiError, status } from '../api/client';
import type { Status } from '../api/types';

/** How soon to ask again while there is nothing to show: someone waits for the first call to appear. */
const WAITING_MS = 2_000;
const SETTLED_MS = 30_000;

class Server {
  /** The newest status; stays while Weir is away for a moment. */
  status = $state.raw<Status>();
  error = $state.raw<ApiError>();
  /** How far Weir's clock is ahead of the viewer's. */
  skewMs = 0;

  readonly mustLogIn: boolean = $derived(this.error?.status === 401);

  /** Whether any call was ever recorded; undefined until known. */
  readonly hasData: boolean | undefined = $derived(this.status && this.status.first_span_at_ms !== null);

  /** When the oldest call was made; a value of its own, so that a new status alone does not make the page ask again. */
  readonly sinceMs: number | null = $derived(this.status?.first_span_at_ms ?? null);

  #ask: () => void = () => undefined;

  /** Asks again at once: after a login. */
  askNow() {
    this.#ask();
  }

  /** Keeps asking while the page lives. Call while a component initialises. */
  watch() {
    $effect(() => {
      const controller = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const ask = async () => {
        clearTimeout(timer);
        await this.#update(controller.signal);
        const settled = this.error === undefined && this.hasData === true;
        if (!controller.signal.aborted) timer = setTimeout(ask, settled ? SETTLED_MS : WAITING_MS);
      };
      this.#ask = () => void ask();
      void ask();
      return () => {
        controller.abort();
        clearTimeout(timer);
      };
    });
  }

  async #update(signal: AbortSignal) {
    try {
      const answer = await status(signal);
      this.skewMs = answer.now_ms - Date.now();
      this.status = answer;
      this.error = undefined;
    } catch (error) {
      if (!signal.aborted) this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
  }
}

export const server = new Server();
