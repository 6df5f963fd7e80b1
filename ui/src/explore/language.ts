// What the editor knows of the expression language: how its words look, and what may stand at a place, which Weir says.

import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { StreamLanguage } from '@codemirror/language';
import { ask } from '../api/client';
import type { components } from '../api/schema';
import { bytesAt, unitsAt } from './offsets';

const KEYWORDS = /^(?:by|where|and|or|not|in)\b/i;

/** Colours for names, numbers and texts; the grammar itself is Weir's, which marks what is wrong. */
export const expressionLanguage = StreamLanguage.define({
  name: 'weir',
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^`[^`]*`?/)) return 'string';
    if (stream.match(/^\d[\d.]*(?:%|[a-z]+(?:\/s)?)?/i)) return 'number';
    if (stream.match(KEYWORDS)) return 'keyword';
    if (stream.match(/^[\p{L}_][\p{L}\p{N}_.]*(?=\s*\()/u)) return 'variableName.function';
    if (stream.match(/^[\p{L}_][\p{L}\p{N}_]*(?=\s*:)/u)) return 'propertyName';
    if (stream.match(/^[\p{L}_][\p{L}\p{N}_.\-/*]*/u)) return 'variableName';
    stream.next();
    return 'operator';
  },
});

type Completions = components['schemas']['Completion'];
type Kind = components['schemas']['CompletionKind'];

/** The icons of the editor by what a word is. */
const SHOWN_AS: Readonly<Record<Kind, string>> = {
  function: 'function',
  metric: 'variable',
  tag: 'property',
  unit: 'constant',
};

/** Asks Weir what may stand here. Without an answer nothing is offered: an editor must not fail with the network. */
export async function completions(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString();
  const controller = new AbortController();
  context.addEventListener('abort', () => controller.abort());
  try {
    const at = bytesAt(text, context.pos);
    const answer = await ask<Completions>('/api/query/complete', { text, at }, controller.signal);
    const options = answer.items.map(({ text: label, kind, detail }): Completion => ({
      label,
      type: SHOWN_AS[kind],
      ...(detail && { detail }),
    }));
    return { from: unitsAt(text, answer.from), to: unitsAt(text, answer.to), options, validFor: /^[\w.]*$/ };
  } catch {
    return null;
  }
}
