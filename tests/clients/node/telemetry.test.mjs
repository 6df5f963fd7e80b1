// The Vercel AI SDK's own telemetry, sent by OpenTelemetry's JavaScript exporter, which writes JSON.
//
// The calls go to the provider itself, so that what is stored can only come from the telemetry.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { embed, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { spansOfTrace } from "./stand.mjs";

const url = `${process.env.WEIR_URL}/v1/traces`;
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "shop", "deployment.environment.name": "staging" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url }))],
});
provider.register();
after(() => provider.shutdown());

const openai = createOpenAI({ baseURL: `${process.env.SIMULATOR_URL}/v1`, apiKey: "sk-client" });
const telemetry = { isEnabled: true, functionId: "support", metadata: { sessionId: "s1", userId: "u1", team: "care" } };
const tracer = trace.getTracer("test");

/** Runs a case within a span and gives its result and the spans of its trace by name. */
async function traced(count, run) {
  const [result, traceId] = await tracer.startActiveSpan("work", async (span) => {
    try {
      return [await run(), span.spanContext().traceId];
    } finally {
      span.end();
    }
  });
  const rows = await spansOfTrace(traceId, count);
  return { result, rows: Object.fromEntries(rows.map((row) => [row.name, row])) };
}

test("generateText", async () => {
  const { result, rows } = await traced(3, () =>
    generateText({
      model: openai.chat("gpt-4o"),
      system: "Be brief.",
      prompt: "Why is the sky blue? 日本",
      maxRetries: 0,
      experimental_telemetry: telemetry,
    }),
  );
  const call = rows["ai.generateText.doGenerate"];
  const expected = {
    kind: "llm",
    source: "otlp",
    provider: "openai",
    model: "gpt-4o",
    response_id: result.response.id,
    input_tokens: result.usage.inputTokens,
    output_tokens: result.usage.outputTokens,
    finish_reason: "stop",
    app: "support",
    service: "shop",
    env: "staging",
    team: "care",
    session: "s1",
    user: "u1",
    client: "ai",
  };
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, call[key]])), expected);
  assert.match(call.input, /日本/);
  assert.ok(call.output.includes(result.text.slice(0, 30)));
  const outer = rows["ai.generateText"];
  assert.deepEqual([outer.kind, outer.input_tokens], ["workflow", null]);
  assert.equal(JSON.parse(outer.attributes).reported_usage.input_tokens, result.usage.inputTokens);
});

test("streamText", async () => {
  const { result, rows } = await traced(3, async () => {
    const stream = streamText({
      model: openai.chat("gpt-4o"),
      prompt: "Why?",
      maxRetries: 0,
      experimental_telemetry: telemetry,
    });
    await stream.consumeStream();
    return stream.usage;
  });
  const call = rows["ai.streamText.doStream"];
  assert.equal(call.input_tokens, result.inputTokens);
  assert.equal(call.output_tokens, result.outputTokens);
  assert.ok(call.stream);
  assert.ok(call.ttft_us > 0);
});

test("a tool", async () => {
  const weather = tool({
    description: "The weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `17 degrees in ${city}`,
  });
  const { rows } = await traced(5, () =>
    generateText({
      model: openai.chat("gpt-4o"),
      prompt: "What is the weather in Lisbon?",
      tools: { get_weather: weather },
      stopWhen: stepCountIs(2),
      maxRetries: 0,
      experimental_telemetry: telemetry,
    }),
  );
  assert.equal(rows.get_weather.kind, "tool");
  assert.match(rows.get_weather.output, /17 degrees in Lisbon/);
});

test("embed", async () => {
  const { result, rows } = await traced(3, () =>
    embed({
      model: openai.textEmbeddingModel("text-embedding-3-small"),
      value: "weather",
      maxRetries: 0,
      experimental_telemetry: telemetry,
    }),
  );
  const call = rows["ai.embed.doEmbed"];
  assert.deepEqual([call.kind, call.input_tokens], ["embedding", result.usage.tokens]);
});
