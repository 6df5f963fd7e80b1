// What is told of before it is stored is asked for again for a moment, and no longer.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../src/api/client';
import { PAUSES_MS, soon } from '../src/api/soon';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const notFound = () => Promise.reject(new ApiError('no such call', undefined, 404));

it('a call that is stored a moment later is found', async () => {
  const ask = vi.fn<() => Promise<string>>(notFound);
  const answer = soon(ask, new AbortController().signal);
  expect(ask, 'the first time is at once').toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(PAUSES_MS[0] ?? 0);
  ask.mockResolvedValue('call');
  await vi.runAllTimersAsync();
  expect(await answer).toBe('call');
  expect(ask).toHaveBeenCalledTimes(3);
});

it('what is never stored is not found in the end', async () => {
  const ask = vi.fn<() => Promise<string>>(notFound);
  const answer = soon(ask, new AbortController().signal).catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  expect(await answer).toMatchObject({ status: 404 });
  expect(ask).toHaveBeenCalledTimes(PAUSES_MS.length + 1);
});

it('any other fault is told at once, and nobody asks for those who left', async () => {
  const broken = vi.fn(() => Promise.reject(new ApiError('broken', undefined, 500)));
  await expect(soon(broken, new AbortController().signal)).rejects.toMatchObject({ status: 500 });
  expect(broken).toHaveBeenCalledTimes(1);

  const ask = vi.fn<() => Promise<string>>(notFound);
  const controller = new AbortController();
  const answer = soon(ask, controller.signal).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1);
  controller.abort(new DOMException('superseded', 'AbortError'));
  expect(await answer).toMatchObject({ name: 'AbortError' });
  await vi.runAllTimersAsync();
  expect(ask).toHaveBeenCalledTimes(1);
});
