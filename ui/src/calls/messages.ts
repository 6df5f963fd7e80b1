// Reads what went into a call and what came out, in whatever shape the provider uses, as messages to show.
// Stored content is the caller's own JSON: anything may be missing or odd. Nothing here throws; what is not understood
// is shown as it is.

import { asArray, asRecord, asText, indented, parseJson, type Json } from './json';

/** One message of a conversation. */
export interface Message {
  /** As the provider spells it: `system`, `user`, `assistant`, `tool`, … */
  role: string;
  parts: Part[];
}

/** A piece of a message. */
export type Part =
  | { kind: 'text'; text: string }
  | { kind: 'reasoning'; text: string }
  | { kind: 'refusal'; text: string }
  | { kind: 'tool_call'; name: string; id: string; input: string }
  | { kind: 'tool_result'; id: string; text: string }
  | { kind: 'media'; what: string; reference: string }
  | { kind: 'other'; json: string };

/** The messages of an input: a list of messages or items, a prompt, or either beside its instructions. */
export function inputMessages(input: string | null): Message[] {
  if (input === null || input === '') return [];
  const value = parseJson(input);
  if (value === undefined) return [textMessage('user', input)];
  const record = asRecord(value);
  if (!record || 'role' in record) return listMessages(value, 'user');
  const instructions = record['system'] ?? record['instructions'];
  const rest = record['messages'] ?? record['input'] ?? record['prompt'];
  if (instructions === undefined && rest === undefined) return [{ role: 'user', parts: [other(value)] }];
  const before = instructions === undefined ? [] : [{ role: 'system', parts: parts(instructions) }];
  return [...before, ...(rest === undefined ? [] : listMessages(rest, 'user'))];
}

/** The messages of an output: one for each choice, or the output items. */
export function outputMessages(output: string | null): Message[] {
  if (output === null || output === '') return [];
  const value = parseJson(output);
  if (value === undefined) return [textMessage('assistant', output)];
  return listMessages(value, 'assistant');
}

/** What the last user of a conversation said, on one line. */
export function promptPreview(input: string | null): string {
  if (input === null || input === '') return '';
  const messages = parseJson(input) === undefined ? [] : inputMessages(input);
  const asked = messages.findLast(({ role }) => role === 'user') ?? messages.at(-1);
  const text = asked ? asked.parts.map(partText).join(' ') : cutText(input);
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** JSON with line breaks; the text itself where it is not JSON. */
export function pretty(text: string): string {
  const value = parseJson(text);
  return value === undefined ? text : indented(value);
}

function listMessages(value: Json, role: string): Message[] {
  const list = asArray(value);
  if (!list) return [message(value, role)];
  // A list of texts or of token numbers is one prompt each, or one prompt.
  if (list.every((one) => typeof one === 'number')) return [{ role, parts: [other(list)] }];
  return merged(list.map((one) => message(one, role)));
}

/** Joins items that follow each other in the same role: the Responses format has an item for every tool call. */
function merged(messages: Message[]): Message[] {
  const result: Message[] = [];
  for (const one of messages) {
    const last = result.at(-1);
    const joins =
      last?.role === one.role && one.parts.some(({ kind }) => kind === 'tool_call' || kind === 'reasoning');
    if (last && joins) last.parts.push(...one.parts);
    else result.push(one);
  }
  return result;
}

function message(value: Json, role: string): Message {
  const record = asRecord(value);
  if (!record) return { role, parts: parts(value) };
  const type = asText(record['type']);
  const named = asText(record['role']);
  if (type && !named && type !== 'message') return itemMessage(record, type, role);
  const found = [
    ...reasoning(record['reasoning_content'] ?? record['reasoning']),
    ...(named === 'tool' ? toolResult(record) : parts(record['content'] ?? record['text'] ?? null)),
    ...(asText(record['refusal'])
      ? [{ kind: 'refusal', text: asText(record['refusal']) ?? '' } as const]
      : []),
    ...(asArray(record['tool_calls']) ?? []).map(toolCall),
    ...(record['function_call'] === undefined ? [] : [toolCall({ function: record['function_call'] })]),
  ];
  const understood = [
    'content',
    'text',
    'tool_calls',
    'function_call',
    'refusal',
    'reasoning',
    'reasoning_content',
  ];
  const known = understood.some((key) => key in record);
  return { role: named ?? role, parts: found.length > 0 || known ? found : [other(value)] };
}

/** An item of the Responses format that is not a message. */
function itemMessage(record: Record<string, Json>, type: string, role: string): Message {
  if (type.endsWith('_call_output')) {
    return {
      role: 'tool',
      parts: [{ kind: 'tool_result', id: asText(record['call_id']) ?? '', text: shown(record['output']) }],
    };
  }
  if (type === 'reasoning') {
    return { role: 'assistant', parts: reasoning(record['summary'] ?? record['content']) };
  }
  return { role: type.endsWith('_call') ? 'assistant' : role, parts: [part(record)] };
}

function parts(content: Json): Part[] {
  if (content === null || content === undefined || content === '') return [];
  if (typeof content === 'string') return [{ kind: 'text', text: content }];
  const list = asArray(content);
  return list ? list.map(part) : [part(content)];
}

function part(value: Json): Part {
  if (typeof value === 'string') return { kind: 'text', text: value };
  const record = asRecord(value);
  if (!record) return other(value);
  const type = asText(record['type']) ?? '';
  switch (type) {
    case 'text':
    case 'input_text':
    case 'output_text':
    case 'summary_text':
    case 'reasoning_text':
    case '':
      return typeof record['text'] === 'string' ? { kind: 'text', text: record['text'] } : other(value);
    case 'thinking':
      return { kind: 'reasoning', text: asText(record['thinking']) ?? '' };
    case 'refusal':
      return { kind: 'refusal', text: asText(record['refusal']) ?? '' };
    case 'tool_use':
    case 'server_tool_use':
    case 'function_call':
    case 'custom_tool_call':
    case 'mcp_call':
      return toolCall(value);
    case 'tool_result':
      return { kind: 'tool_result', id: asText(record['tool_use_id']) ?? '', text: shown(record['content']) };
    case 'image':
    case 'image_url':
    case 'input_image':
    case 'input_audio':
    case 'input_file':
    case 'file':
    case 'document':
      return { kind: 'media', what: type.replaceAll('_', ' '), reference: reference(record) };
    default:
      return other(value);
  }
}

/** A call of a tool: OpenAI's chat nests it in `function`, the others do not. */
function toolCall(value: Json): Part {
  const record = asRecord(value) ?? {};
  const called = asRecord(record['function'] ?? record['custom']) ?? record;
  const input = called['arguments'] ?? called['input'];
  return {
    kind: 'tool_call',
    name: asText(called['name']) ?? asText(record['type']) ?? 'tool',
    id: asText(record['call_id']) ?? asText(record['id']) ?? '',
    input: typeof input === 'string' ? pretty(input) : indented(input ?? {}),
  };
}

function toolResult(record: Record<string, Json>): Part[] {
  return [{ kind: 'tool_result', id: asText(record['tool_call_id']) ?? '', text: shown(record['content']) }];
}

function reasoning(value: Json): Part[] {
  return parts(value ?? null).map((one) =>
    one.kind === 'text' ? { kind: 'reasoning', text: one.text } : one,
  );
}

/** The text of a tool's answer: its text parts, or JSON. */
function shown(value: Json): string {
  if (typeof value === 'string') return pretty(value);
  const texts = parts(value ?? null);
  return texts.every(({ kind }) => kind === 'text') ? texts.map(partText).join('\n') : indented(value);
}

/** Where media come from: an address, a file's name, or how much data was sent. */
function reference(record: Record<string, Json>): string {
  const nested =
    asRecord(record['image_url'] ?? record['source'] ?? record['file'] ?? record['input_audio']) ?? record;
  const url = asText(nested['url']) ?? asText(record['image_url']) ?? asText(nested['file_url']);
  if (url !== undefined && !url.startsWith('data:')) return url;
  const data = url ?? asText(nested['data']) ?? asText(nested['file_data']);
  const name = asText(nested['filename']) ?? asText(nested['file_id']) ?? asText(nested['media_type']) ?? '';
  return data === undefined ? name : `${name} ${Math.ceil((data.length * 3) / 4 / 1024)} kB`.trim();
}

function partText(one: Part): string {
  switch (one.kind) {
    case 'text':
    case 'reasoning':
    case 'refusal':
    case 'tool_result':
      return one.text;
    case 'tool_call':
      return `${one.name}()`;
    case 'media':
      return `[${one.what}]`;
    case 'other':
      return one.json;
  }
}

/** The last text in JSON that was cut off somewhere: lists carry only the beginning of a long input. */
function cutText(cut: string): string {
  const texts = [...cut.matchAll(/"(?:content|text|input|prompt)"\s*:\s*"((?:[^"\\]|\\.)*)/g)];
  const first = texts.find((match) => cut.slice(0, match.index).includes('"user"')) ?? texts.at(-1);
  if (first?.[1] === undefined) return cut;
  const value = parseJson(`"${first[1]}"`);
  const text = typeof value === 'string' ? value : first[1];
  const isWhole = cut[(first.index ?? 0) + first[0].length] === '"';
  return isWhole ? text : `${text}…`;
}

function textMessage(role: string, text: string): Message {
  return { role, parts: [{ kind: 'text', text }] };
}

function other(value: Json): Part {
  return { kind: 'other', json: indented(value) };
}
