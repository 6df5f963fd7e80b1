// A call is told of before it is in the store, which takes its commit interval (300 ms, unless configured). Whoever
// follows a call from the live view may be faster than that, so what is not found is asked for again for a moment.

import { ApiError } from './client';

/** Pauses before what is not found is asked for again; together a few times the commit interval. */
export const PAUSES_MS: readonly number[] = [150, 300, 600];

const NOT_FOUND = 404;

/** Asks, and asks again while the answer is "not found". Asks for the first time at once. */
export async function soon<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== NOT_FOUND) throw error;
    }
    await pause(pauseMs, signal);
  }
  return ask();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
