// What is not well, for the whole app: the badge of the navigation and the panels of several pages show the same answer.
// It is asked for again every few seconds while the app is seen, and at once after something was done about it.

import { ApiError } from '../api/client';
import { server } from '../frame/server.svelte';
import { alerts, type Alert } from './requests';

/** As often as the judge looks, people need not look. */
const EVERY_MS = 15_000;

class Alerts {
  data = $state.raw<readonly Alert[]>();
  /** How many there are in all; more than `data` has when the list was cut. */
  total = $state(0);
  error = $state.raw<ApiError>();
  loading = $state(true);

  /** What somebody should look at: neither silenced nor looked after. */
  readonly open: readonly Alert[] = $derived(
    (this.data ?? []).filter(
      ({ group }) =>
        group.state !== 'no_data' && group.silenced_by.length === 0 && group.acknowledged === null,
    ),
  );

  /** Whether one of them needs a person. */
  readonly isBad: boolean = $derived(this.open.some(({ group }) => group.state === 'alert'));

  /** A value of its own, so that a new status alone does not make it start anew. */
  readonly #isThere: boolean = $derived(!server.mustLogIn && server.status !== undefined);

  #ask: () => void = () => undefined;

  /** Asks again at once. */
  retry() {
    this.#ask();
  }

  /** Keeps asking while the app lives. Call while a component initialises. */
  watch() {
    $effect(() => {
      if (!this.#isThere) return;
      const controller = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const ask = async () => {
        clearTimeout(timer);
        if (!document.hidden) await this.#update(controller.signal);
        if (!controller.signal.aborted) timer = setTimeout(() => void ask(), EVERY_MS);
      };
      const seen = () => void (document.hidden || ask());
      this.#ask = () => void ask();
      void ask();
      document.addEventListener('visibilitychange', seen);
      return () => {
        controller.abort();
        clearTimeout(timer);
        document.removeEventListener('visibilitychange', seen);
      };
    });
  }

  async #update(signal: AbortSignal) {
    this.loading = true;
    try {
      const answer = await alerts(signal);
      this.data = answer.alerts;
      this.total = answer.total;
      this.error = undefined;
    } catch (error) {
      if (signal.aborted) return;
      this.error = error instanceof ApiError ? error : new ApiError(String(error));
    }
    this.loading = false;
  }
}

export const active = new Alerts();
