// A recorded call as a command: the right endpoint and body, safe in a shell.

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Span } from '../src/api/types';
import { asCurl } from '../src/calls/curl';

const CALL: Span = {
  start_ms: 0,
  duration_ms: 1,
  trace_id: 'a'.repeat(32),
  span_id: 'b'.repeat(16),
  parent_id: null,
  kind: 'llm',
  name: 'chat gpt-4o',
  source: 'gateway',
  status: 'ok',
  error_type: null,
  error_message: null,
  http_status: 200,
  provider: 'openai',
  model: 'gpt-4o',
  response_model: null,
  team: null,
  app: null,
  agent: null,
  session: null,
  user: null,
  env: null,
  service: null,
  key_id: null,
  tokens: { input: 1, output: 1, cache_read: null, cache_write: null, reasoning: null },
  tokens_estimated: false,
  cost_usd: null,
  cost_nano_usd: null,
  price_version: null,
  ttft_ms: null,
  stream: false,
  finish_reason: null,
  cache: null,
  saved_usd: null,
  policy: [],
  input: '[{"role":"user","content":"Hi"}]',
  output: '[{"role":"assistant","content":"Hello"}]',
  documents: null,
  tools: null,
  client: null,
  response_id: null,
  same_as: null,
  attributes: null,
};

/** What a shell would give to curl. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }; OPENAI_API_KEY=k1 ANTHROPIC_API_KEY=k2; ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

function sent(changes: Partial<Span>): { url: string | undefined; headers: string[]; body: unknown } {
  const args = argumentsOf(asCurl({ ...CALL, ...changes }, 'http://127.0.0.1:7070'));
  return {
    url: args[0],
    headers: args.filter((_, i) => args[i - 1] === '-H'),
    body: JSON.parse(args.at(-1) ?? ''),
  };
}

describe('the command', () => {
  it('makes a chat again', () => {
    expect(sent({ stream: true })).toEqual({
      url: 'http://127.0.0.1:7070/v1/chat/completions',
      headers: ['content-type: application/json', 'authorization: Bearer k1'],
      body: { model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'Hi' }] },
    });
  });

  it('keeps quotes, dollars and line breaks of the prompt', () => {
    const input = JSON.stringify([{ role: 'user', content: `it's "$HOME" \`id\`\n\\ done` }]);
    expect(sent({ input }).body).toMatchObject({ messages: JSON.parse(input) });
  });

  it('speaks to Anthropic in its own way', () => {
    const input = '{"system":"Be kind.","messages":[{"role":"user","content":"Hi"}]}';
    const { url, headers, body } = sent({
      provider: 'anthropic',
      input,
      attributes: '{"max_output_tokens":77}',
    });
    expect(url).toMatch(/\/v1\/messages$/);
    expect(headers).toContain('x-api-key: k2');
    expect(body).toMatchObject({ system: 'Be kind.', max_tokens: 77, messages: [{ role: 'user' }] });
  });

  it.each([
    [{ kind: 'embedding', input: '"text"' }, '/v1/embeddings', { input: 'text' }],
    [{ name: 'text_completion davinci', input: '"Once"' }, '/v1/completions', { prompt: 'Once' }],
    [{ input: '"Hi"' }, '/v1/responses', { input: 'Hi' }],
    [{ input: '{"instructions":"x","input":"Hi"}' }, '/v1/responses', { instructions: 'x', input: 'Hi' }],
  ] as [Partial<Span>, string, object][])('knows the endpoint of %j', (changes, path, body) => {
    const request = sent(changes);
    expect(request.url).toBe(`http://127.0.0.1:7070${path}`);
    expect(request.body).toMatchObject(body);
  });
});
