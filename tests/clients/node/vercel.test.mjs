// The Vercel AI SDK with its OpenAI and Anthropic providers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { checkSpan, compare, span } from "./stand.mjs";

const PROMPT = "Why is the sky blue? 日本 🌈";

const chat = ({ url, headers, fetch }) =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-client", headers, fetch }).chat("gpt-4o");
const responses = ({ url, headers, fetch }) =>
  createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-client", headers, fetch }).responses("gpt-4o");
const claude = ({ url, headers, fetch }) =>
  createAnthropic({ baseURL: `${url}/v1`, apiKey: "sk-client", headers, fetch })("claude-sonnet-4-6");

const MODELS = { "chat completions": chat, responses, anthropic: claude };

/** What a result says, without what differs from run to run. */
const plain = ({ text, finishReason, toolCalls, usage }) => ({
  text,
  finishReason,
  toolCalls: toolCalls.map(({ toolName, input }) => ({ toolName, input })),
  usage: JSON.parse(JSON.stringify(usage)),
});

/** What the span of one exchange must say, from the provider's own bytes. */
async function expected(exchange) {
  const body = (await exchange.body).toString();
  const isStream = exchange.headers["content-type"].startsWith("text/event-stream");
  const answers = isStream
    ? body.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)))
    : [JSON.parse(body)];
  const { request } = exchange;
  const shared = { model: request.model, stream: isStream };
  if (exchange.path === "/v1/messages") {
    const usage = Object.assign(
      {},
      ...answers.map((answer) => answer.message?.usage ?? answer.usage ?? {}),
    );
    const stop = answers.map((answer) => answer.delta?.stop_reason ?? answer.stop_reason).findLast(Boolean);
    const { system, messages } = request;
    return {
      ...shared,
      provider: "anthropic",
      usage: { input: usage.input_tokens, output: usage.output_tokens },
      finish: stop,
      messages: system ? { system, messages } : messages,
    };
  }
  if (exchange.path === "/v1/responses") {
    const response = answers.at(-1).response ?? answers.at(-1);
    const { instructions, input } = request;
    return {
      ...shared,
      provider: "openai",
      usage: {
        input: response.usage.input_tokens,
        cached: response.usage.input_tokens_details.cached_tokens,
        output: response.usage.output_tokens,
      },
      finish: response.status,
      messages: instructions ? { instructions, input } : input,
    };
  }
  const usage = answers.map((answer) => answer.usage).findLast(Boolean);
  return {
    ...shared,
    provider: "openai",
    usage: {
      input: usage.prompt_tokens,
      cached: usage.prompt_tokens_details?.cached_tokens,
      output: usage.completion_tokens,
    },
    finish: answers.flatMap((answer) => answer.choices ?? []).map((choice) => choice.finish_reason).findLast(Boolean),
    messages: request.messages ?? request.input,
  };
}

async function checkSpans({ exchanges, spans }) {
  assert.ok(exchanges.length > 0);
  for (const [at, exchange] of exchanges.entries()) checkSpan(spans[at], await expected(exchange));
}

for (const [name, model] of Object.entries(MODELS)) {
  test(`generateText with ${name}`, async () => {
    const comparison = await compare(async (at) =>
      plain(await generateText({ model: model(at), system: "Be brief.", prompt: PROMPT, maxRetries: 0 })),
    );
    assert.ok(comparison.result.text);
    assert.deepEqual(comparison.result, comparison.direct);
    await checkSpans(comparison);
  });

  test(`streamText with ${name}`, async () => {
    const comparison = await compare(async (at) => {
      const stream = streamText({ model: model(at), prompt: PROMPT, maxRetries: 0 });
      const deltas = [];
      for await (const delta of stream.textStream) deltas.push(delta);
      return { deltas, finish: await stream.finishReason, usage: JSON.parse(JSON.stringify(await stream.usage)) };
    });
    assert.ok(comparison.result.deltas.length > 3);
    assert.deepEqual(comparison.result, comparison.direct);
    await checkSpans(comparison);
  });

  test(`a tool in two steps with ${name}`, async () => {
    const weather = tool({
      description: "The weather",
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `17 degrees in ${city}`,
    });
    const comparison = await compare(async (at) => {
      const result = await generateText({
        model: model(at),
        prompt: "What is the weather in Lisbon?",
        tools: { get_weather: weather },
        stopWhen: stepCountIs(3),
        maxRetries: 0,
      });
      return result.steps.map(plain);
    });
    assert.equal(comparison.result.length, 2);
    assert.deepEqual(comparison.result[0].toolCalls, [{ toolName: "get_weather", input: { city: "Lisbon" } }]);
    assert.deepEqual(comparison.result, comparison.direct);
    await checkSpans(comparison);
  });

  test(`generateObject with ${name}`, async () => {
    const schema = z.object({ city: z.string(), degrees: z.number() });
    const comparison = await compare(async (at) => {
      const prompt = "What is the weather in Lisbon?";
      const result = await generateObject({ model: model(at), schema, prompt, maxRetries: 0 });
      return result.object;
    });
    assert.equal(comparison.result.city, "Lisbon");
    assert.deepEqual(comparison.result, comparison.direct);
    await checkSpans(comparison);
  });

  test(`a rate limit with ${name}`, async () => {
    const comparison = await compare(async (at) => {
      const failed = await generateText({ model: model(at), prompt: PROMPT, maxRetries: 0 }).catch((error) => error);
      return { name: failed.name, status: failed.statusCode, body: failed.responseBody };
    }, "status=429");
    assert.equal(comparison.result.status, 429);
    assert.deepEqual(comparison.result, comparison.direct);
    const [stored] = comparison.spans;
    assert.deepEqual([stored.status, stored.http_status, stored.error_type], ["error", 429, "rate_limit"]);
  });
}

test("embedMany", async () => {
  const comparison = await compare(async ({ url, headers, fetch }) => {
    const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-client", headers, fetch });
    const model = openai.embedding("text-embedding-3-small");
    const { embeddings, usage } = await embedMany({ model, values: ["a river", "a weir"], maxRetries: 0 });
    return { embeddings, usage };
  });
  assert.equal(comparison.result.embeddings[1].length, 1536);
  assert.deepEqual(comparison.result, comparison.direct);
  await checkSpans(comparison);
  assert.equal(comparison.spans[0].kind, "embedding");
});

test("leaving a stream", async () => {
  let id;
  const url = process.env.WEIR_URL;
  const headers = { "x-sim": "chunks=500;chunk_ms=20" };
  const leaving = new AbortController();
  const keepsId = async (...call) => {
    const response = await fetch(...call);
    id = response.headers.get("weir-span-id");
    return response;
  };
  const model = chat({ url, headers, fetch: keepsId });
  const stream = streamText({ model, prompt: PROMPT, abortSignal: leaving.signal, maxRetries: 0, onError() {} });
  let heard = 0;
  for await (const _ of stream.textStream) {
    heard += 1;
    if (heard === 5) leaving.abort();
  }
  const stored = await span(id);
  assert.deepEqual([stored.status, stored.error_type, stored.http_status], ["error", "cancelled", 499]);
  assert.ok(stored.ttft_us !== null);
});
