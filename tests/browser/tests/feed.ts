// Telemetry sent to a running Weir the way programs send it: spans over OpenTelemetry, judgements and metrics over
// Datadog's doors. Every id is new, so that tests can be repeated on one Weir.

import { randomBytes } from 'node:crypto';

/** A value that OpenTelemetry's JSON can carry. */
type Attribute = string | number | boolean;

/** A span to be sent. */
export interface FedSpan {
  traceId: string;
  spanId: string;
  parentId?: string;
  name: string;
  startMs: number;
  durationMs: number;
  attributes: Record<string, Attribute>;
}

/** A judgement to be sent. */
export interface FedScore {
  traceId: string;
  spanId: string;
  name: string;
  atMs: number;
  value: number | string;
  /** What the judge says about it; an object becomes JSON text. */
  rationale?: unknown;
  tags?: Record<string, string>;
}

export function newId(bytes: 8 | 16): string {
  return randomBytes(bytes).toString('hex');
}

/** Sends to one Weir. */
export class Feed {
  private constructor(
    private readonly base: string,
    private readonly datadog: string,
  ) {}

  /** Finds the doors of a Weir. */
  static async of(base: string): Promise<Feed> {
    const status = (await (await fetch(`${base}/api/status`)).json()) as {
      listen: string[];
      receivers: { name: string; address: string | null; state: string }[];
    };
    const door = status.receivers.find(({ name, state }) => name === 'datadog' && state === 'listening');
    if (!door?.address) throw new Error('this Weir has no door for Datadog clients: is its port taken?');
    // The page may be served by another program than Weir, which then passes on only what pages ask.
    return new Feed(`http://${status.listen[0]}`, `http://${door.address}`);
  }

  async spans(spans: readonly FedSpan[]): Promise<void> {
    const nano = (ms: number) => String(Math.round(ms * 1_000) * 1_000);
    await this.#send(`${this.base}/v1/traces`, {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: spans.map((span) => ({
                traceId: span.traceId,
                spanId: span.spanId,
                ...(span.parentId && { parentSpanId: span.parentId }),
                name: span.name,
                startTimeUnixNano: nano(span.startMs),
                endTimeUnixNano: nano(span.startMs + span.durationMs),
                attributes: attributes(span.attributes),
              })),
            },
          ],
        },
      ],
    });
  }

  async scores(scores: readonly FedScore[]): Promise<void> {
    const metrics = scores.map(({ traceId, spanId, name, atMs, value, rationale, tags = {} }) => ({
      join_on: { span: { trace_id: traceId, span_id: spanId } },
      label: name,
      timestamp_ms: Math.round(atMs),
      ...(typeof value === 'number'
        ? { metric_type: 'score', score_value: value }
        : { metric_type: 'categorical', categorical_value: value }),
      ...(rationale !== undefined && {
        reasoning: typeof rationale === 'string' ? rationale : JSON.stringify(rationale),
      }),
      tags: Object.entries(tags).map(([key, one]) => `${key}:${one}`),
    }));
    await this.#send(`${this.datadog}/api/intake/llm-obs/v2/eval-metric`, {
      data: { type: 'evaluation_metric', attributes: { metrics } },
    });
  }

  /** Sends gauges of the present moment: DogStatsD knows no other. */
  async gauges(gauges: readonly { name: string; value: number; tags: Record<string, string> }[]): Promise<void> {
    const lines = gauges.map(({ name, value, tags }) => {
      const list = Object.entries(tags).map(([key, one]) => `${key}:${one}`);
      return `${name}:${value}|g|#${list.join(',')}`;
    });
    const response = await fetch(`${this.datadog}/dogstatsd/v2/proxy`, { method: 'POST', body: lines.join('\n') });
    if (!response.ok) throw new Error(`gauges were refused: ${response.status} ${await response.text()}`);
  }

  async #send(url: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${url} refused: ${response.status} ${await response.text()}`);
  }
}

function attributes(all: Record<string, Attribute>) {
  return Object.entries(all).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }));
}

/** The bytes of UTF-8 that a part of a text takes, as judges count them. */
export function bytesOf(text: string, part: string): { start: number; end: number } {
  const at = text.indexOf(part);
  if (at < 0) throw new Error(`“${part}” is not in the text`);
  const start = Buffer.byteLength(text.slice(0, at));
  return { start, end: start + Buffer.byteLength(part) };
}
