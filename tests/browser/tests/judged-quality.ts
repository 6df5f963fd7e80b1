// What the screen of quality lists beside single answers: checks, feedback, drift and probes.

import { newId, type Feed, type FedScore } from './feed';

/** A call with what checks and people said about it. */
export async function checked(
  feed: Feed,
  atMs: number,
  app: string,
  said: Record<string, number | string>,
): Promise<{ traceId: string; spanId: string }> {
  const [traceId, spanId] = [newId(16), newId(8)];
  await feed.spans([
    {
      traceId,
      spanId,
      name: 'chat gpt-4o-mini',
      startMs: atMs,
      durationMs: 250,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o-mini',
        'weir.app': app,
        'gen_ai.input.messages': JSON.stringify([{ role: 'user', content: 'Where is my parcel?' }]),
        'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', content: 'On its way.' }]),
      },
    },
  ]);
  const scores = Object.entries(said).map(
    ([name, value]): FedScore => ({ traceId, spanId, name, atMs: atMs + 300, value, tags: { app } }),
  );
  await feed.scores(scores);
  return { traceId, spanId };
}

/** A run of a probe; what did not hold, if anything. */
export async function probed(feed: Feed, atMs: number, probe: string, failed: readonly string[]): Promise<string> {
  const [traceId, spanId] = [newId(16), newId(8)];
  await feed.spans([
    {
      traceId,
      spanId,
      name: probe,
      startMs: atMs,
      durationMs: 250,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o-mini',
      },
    },
  ]);
  await feed.scores([
    {
      traceId,
      spanId,
      name: 'weir.probe.passed',
      atMs: atMs + 300,
      value: failed.length === 0 ? 1 : 0,
      rationale: { summary: failed.length === 0 ? 'as expected' : 'not as expected', failed },
      tags: { probe, model: 'gpt-4o-mini' },
    },
  ]);
  return traceId;
}

/** Drift of one feature, now. */
export async function drifted(feed: Feed, model: string, app: string, feature: string, psi: number): Promise<void> {
  const tags = { model, app, feature };
  await feed.gauges([
    { name: 'weir.drift.psi', value: psi, tags },
    { name: 'weir.drift.ks', value: Math.min(1, psi * 0.7), tags },
  ]);
}
