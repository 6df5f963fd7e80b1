// The contents of calls in every shape that providers use, and in shapes that nobody should.

import { describe, expect, it } from 'vitest';
import { indented } from '../src/calls/json';
import { inputMessages, outputMessages, promptPreview } from '../src/calls/messages';

const text = (role: string, content: string) => ({ role, parts: [{ kind: 'text', text: content }] });

describe('an input', () => {
  it('of a chat is its messages, with tool calls and results', () => {
    const input = JSON.stringify([
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: 'https://x/y.png' } },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'find', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: '{"found":true}' },
    ]);
    expect(inputMessages(input)).toEqual([
      text('system', 'Be brief.'),
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'Look' },
          { kind: 'media', what: 'image url', reference: 'https://x/y.png' },
        ],
      },
      { role: 'assistant', parts: [{ kind: 'tool_call', name: 'find', id: 'c1', input: '{\n  "a": 1\n}' }] },
      { role: 'tool', parts: [{ kind: 'tool_result', id: 'c1', text: '{\n  "found": true\n}' }] },
    ]);
  });

  it('of Anthropic has its system prompt beside the messages, and blocks', () => {
    const input = JSON.stringify({
      system: [{ type: 'text', text: 'Be kind.' }],
      messages: [
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm' },
            { type: 'tool_use', id: 't1', name: 'find', input: { a: 1 } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'done' }] }],
        },
      ],
    });
    expect(inputMessages(input)).toEqual([
      text('system', 'Be kind.'),
      {
        role: 'assistant',
        parts: [
          { kind: 'reasoning', text: 'hm' },
          { kind: 'tool_call', name: 'find', id: 't1', input: '{\n  "a": 1\n}' },
        ],
      },
      { role: 'user', parts: [{ kind: 'tool_result', id: 't1', text: 'done' }] },
    ]);
  });

  it('of the Responses format is a text or items', () => {
    expect(inputMessages('{"instructions":"Be brief.","input":"Hi"}')).toEqual([
      text('system', 'Be brief.'),
      text('user', 'Hi'),
    ]);
    const items = JSON.stringify([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { type: 'function_call', call_id: 'c1', name: 'find', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'done' },
    ]);
    expect(inputMessages(items).map(({ role, parts }) => [role, parts[0]?.kind])).toEqual([
      ['user', 'text'],
      ['assistant', 'tool_call'],
      ['tool', 'tool_result'],
    ]);
  });

  it('may be a prompt, several texts, or token numbers', () => {
    expect(inputMessages('"Once upon"')).toEqual([text('user', 'Once upon')]);
    expect(inputMessages('["a","b"]')).toEqual([text('user', 'a'), text('user', 'b')]);
    expect(inputMessages('[1,2]')[0]?.parts[0]?.kind).toBe('other');
  });

  it('that is not understood is shown as it is', () => {
    expect(inputMessages('not json')).toEqual([text('user', 'not json')]);
    expect(inputMessages('{"x":1}')[0]?.parts).toEqual([{ kind: 'other', json: '{\n  "x": 1\n}' }]);
    expect(inputMessages('[{"role":"user","content":[{"type":"new","x":1}]}]')[0]?.parts[0]?.kind).toBe(
      'other',
    );
    expect(inputMessages(null)).toEqual([]);
  });

  it.each([
    '[null]',
    '[[]]',
    '{"messages":3}',
    '[{"role":7}]',
    '[{"tool_calls":"x"}]',
    '[{"content":{"a":1}}]',
    'null',
    '{"messages":null}',
  ])('of the odd shape %s does not throw', (input) =>
    expect(() => [inputMessages(input), outputMessages(input), promptPreview(input)]).not.toThrow(),
  );
});

describe('an output', () => {
  it('is one message for each choice', () => {
    const output = '[{"role":"assistant","content":"A"},{"role":"assistant","content":null,"refusal":"No."}]';
    expect(outputMessages(output)).toEqual([
      text('assistant', 'A'),
      { role: 'assistant', parts: [{ kind: 'refusal', text: 'No.' }] },
    ]);
  });

  it('of completions is its text', () => {
    expect(outputMessages('[{"text":"a time"}]')).toEqual([text('assistant', 'a time')]);
  });

  it('of the Responses format joins reasoning and tool calls of one turn', () => {
    const output = JSON.stringify([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
      { type: 'function_call', call_id: 'c1', name: 'find', arguments: '{}' },
    ]);
    expect(outputMessages(output).map(({ parts }) => parts.map(({ kind }) => kind))).toEqual([
      ['reasoning', 'tool_call'],
    ]);
  });
});

describe('JSON to read', () => {
  it('keeps lists of numbers on one line, and texts as they are', () => {
    const value = { points: [310, -2.5, 1e21], empty: [], rows: [[1, 2], ['a']], text: '[\n  1,\n  2\n]' };
    const shown = indented(value);
    expect(JSON.parse(shown)).toEqual(value);
    expect(shown).toContain('"points": [310, -2.5, 1e+21],');
    expect(shown).toContain('    [1, 2],\n    [\n      "a"\n    ]');
    expect(shown).toContain(String.raw`"text": "[\n  1,\n  2\n]"`);
  });
});

describe('the preview of a prompt', () => {
  it('is what the user said last, on one line', () => {
    const input =
      '[{"role":"user","content":"first"},{"role":"assistant","content":"x"},{"role":"user","content":"second\\n  line"}]';
    expect(promptPreview(input)).toBe('second line');
  });

  it('survives that the list of calls cut it off', () => {
    expect(
      promptPreview('[{"role":"system","content":"Be brief."},{"role":"user","content":"How do \\"I\\" ex'),
    ).toBe('How do "I" ex…');
    expect(promptPreview('[{"role":"system","content":"Be br')).toBe('Be br…');
    expect(promptPreview('[{"role":"user","content":"ends in \\')).toBe('ends in …');
    expect(promptPreview(null)).toBe('');
  });
});
