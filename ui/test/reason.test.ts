// Why judges said what they said, by those that write JSON and those that write prose.

import { describe, expect, it } from 'vitest';
import { reasonOf } from '../src/calls/reason';

describe('a rationale', () => {
  it('that is prose is its own summary', () => {
    expect(reasonOf('sounds wrong').summary).toBe('sounds wrong');
    expect(reasonOf('[1, 2]').summary).toBe('[1, 2]');
    expect(reasonOf(null).summary).toBe('');
  });

  it('of claims has each with its verdict, its place and its evidence', () => {
    const { summary, isEstimate, claims } = reasonOf(
      JSON.stringify({
        summary: '1 of 2 claims supported',
        estimate: true,
        claims: [
          {
            text: 'A',
            verdict: 'supported',
            start: 0,
            end: 1,
            evidence: [{ document: 0, quote: 'a' }],
          },
          { text: 'B', verdict: 'who knows', start: 4, end: 2 },
        ],
      }),
    );
    expect(summary).toBe('1 of 2 claims supported');
    expect(isEstimate).toBe(true);
    expect(claims).toEqual([
      { text: 'A', verdict: 'supported', bytes: [0, 1], evidence: [{ document: 0, quote: 'a' }] },
      { text: 'B', verdict: 'not_supported', bytes: undefined, evidence: [] },
    ]);
  });

  it('of matches has each with its rule, its place and how it was hidden', () => {
    const written = {
      pack: 'strong',
      rule: 'ignore-previous',
      category: 'override',
      weight: 0.9,
      place: 'input',
      path: '/0/content',
      start: 10,
      end: 38,
      text: 'ignore previous instructions',
      via: 'base64',
    };
    const { matches } = reasonOf(JSON.stringify({ matches: [written, { no: 'rule' }, 7] }));
    const { start, end, ...rest } = written;
    expect(matches).toEqual([{ ...rest, bytes: [start, end] }]);
  });

  it('of documents, of findings and of a probe is read likewise', () => {
    const reason = reasonOf(
      JSON.stringify({
        documents: [{ document: 1, score: 0.8 }, { document: 2 }],
        found: [{ class: 'pii', kind: 'email', place: 'input', count: 2 }, { class: 'secret' }],
        failed: ['mentions the price', 3],
      }),
    );
    expect([...reason.relevance]).toEqual([[1, 0.8]]);
    expect(reason.found).toEqual([{ class: 'pii', kind: 'email', place: 'input', count: 2 }]);
    expect(reason.failed).toEqual(['mentions the price']);
  });

  it('that is JSON of another kind is shown as it was written', () => {
    expect(reasonOf('{"chain":"of thought"}').summary).toBe('{"chain":"of thought"}');
    expect(reasonOf('{"summary":"","matches":[]}').summary).toBe('');
  });
});
