// A recorded call as a command that makes it again through Weir. Keys are never recorded: the command names the usual
// environment variable instead.

import type { Span } from '../api/types';
import { asArray, asRecord, asText, parseJson, type Json } from './json';

/** Anthropic wants a bound; this one where the call's own is not known. */
const ANTHROPIC_TOKENS_MAX = 1_024;

/** The command for a POSIX shell. */
export function asCurl(span: Span, origin: string): string {
  const { path, body, headers } = request(span);
  const lines = [
    `curl ${quote(origin + path)}`,
    ...['content-type: application/json', ...headers].map((header) => `-H ${doubleQuote(header)}`),
    `-d ${quote(JSON.stringify(body, null, 2))}`,
  ];
  return lines.join(' \\\n  ');
}

interface Request {
  path: string;
  body: Record<string, Json>;
  headers: string[];
}

function request(span: Span): Request {
  const input = parseJson(span.input ?? '') ?? span.input ?? '';
  const record = asRecord(input);
  const tools = asArray(parseJson(span.tools ?? ''));
  const common = { model: span.model ?? '', ...(span.stream && { stream: true }), ...(tools && { tools }) };
  const bearer = ['authorization: Bearer $OPENAI_API_KEY'];
  if (span.kind === 'embedding')
    return { path: '/v1/embeddings', body: { ...common, input }, headers: bearer };
  if (span.provider === 'anthropic' || record?.['system'] !== undefined) {
    const content = record ?? { messages: input };
    return {
      path: '/v1/messages',
      body: { ...common, max_tokens: tokensMax(span) ?? ANTHROPIC_TOKENS_MAX, ...content },
      headers: ['x-api-key: $ANTHROPIC_API_KEY', 'anthropic-version: 2023-06-01'],
    };
  }
  if (span.name.startsWith('text_completion')) {
    return { path: '/v1/completions', body: { ...common, prompt: input }, headers: bearer };
  }
  if (typeof input === 'string' || isResponses(span, record)) {
    return { path: '/v1/responses', body: { ...common, ...(record ?? { input }) }, headers: bearer };
  }
  return { path: '/v1/chat/completions', body: { ...common, messages: input }, headers: bearer };
}

/** How many tokens the caller allowed. */
function tokensMax(span: Span): number | undefined {
  const stated = asRecord(parseJson(span.attributes ?? ''))?.['max_output_tokens'];
  return typeof stated === 'number' ? stated : undefined;
}

/** The Responses format answers with typed items. */
function isResponses(span: Span, input: Record<string, Json> | undefined): boolean {
  if (input?.['instructions'] !== undefined || input?.['input'] !== undefined) return true;
  const items = asArray(parseJson(span.output ?? '')) ?? [];
  return items.some((item) =>
    ['message', 'function_call', 'reasoning'].includes(asText(asRecord(item)?.['type']) ?? ''),
  );
}

/** A word that the shell takes as it is. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word in which the shell fills in the variable. */
function doubleQuote(text: string): string {
  return `"${text}"`;
}
