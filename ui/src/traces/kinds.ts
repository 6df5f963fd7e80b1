// Which colour a kind of span has, wherever it is drawn. The kind stands beside it in words.

import type { Span } from '../api/types';

const COLORS: Partial<Record<Span['kind'], string>> = {
  llm: '--series-1',
  agent: '--series-4',
  workflow: '--series-7',
  tool: '--series-2',
  retrieval: '--series-3',
  embedding: '--series-5',
  rerank: '--series-8',
  guardrail: '--series-6',
};

/** The design token with the colour of a kind. */
export function kindColor(kind: Span['kind']): string {
  return COLORS[kind] ?? '--series-other';
}
