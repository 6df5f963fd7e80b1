// Expressions and scopes built from the page's filters.

import { describe, expect, it } from 'vitest';
import { aggregate, callScope, NO_FILTERS, quoted, scope, top } from '../src/query/expression';

describe('an expression', () => {
  it('is bare without filters', () => {
    expect(aggregate('p95', 'llm.request.duration', NO_FILTERS)).toBe('p95(llm.request.duration)');
  });

  it('is grouped, narrowed and cut', () => {
    const filters = { ...NO_FILTERS, team: ['payments'], model: ['gpt-4o', 'meta/llama 3'] };
    expect(top(8, aggregate('sum', 'llm.cost.usd', filters, 'model'))).toBe(
      'top(8, sum(llm.cost.usd) by model where {team:payments AND model IN (gpt-4o, "meta/llama 3")})',
    );
  });
});

describe('a scope', () => {
  it('of calls names their kinds and leaves a menu its own tag', () => {
    const filters = { ...NO_FILTERS, team: ['payments'], env: ['prod'] };
    expect(callScope(filters)).toBe('kind IN (llm, embedding, rerank) AND team:payments AND env:prod');
    expect(callScope(filters, 'team')).toBe('kind IN (llm, embedding, rerank) AND env:prod');
    expect(scope(NO_FILTERS)).toBe('');
  });

  it.each([
    ['gpt-4o', 'gpt-4o'],
    ['meta-llama/llama-3.3-70b', 'meta-llama/llama-3.3-70b'],
    ['größe', 'größe'],
    ['two words', '"two words"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['', '""'],
    ['AND', '"AND"'],
    ['-x', '"-x"'],
    ['x} by team', '"x} by team"'],
  ])('writes the value %j as %s', (value, expected) => expect(quoted(value)).toBe(expected));
});
