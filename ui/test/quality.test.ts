// Quality: how scores are called, how drift reads, and tables made of groups.

import { describe, expect, it } from 'vitest';
import { isMoreWorse, scoreName, topLabels } from '../src/quality/checks';
import { byModel, featuresOf, featureTitle, reading, thinned } from '../src/quality/drift';
import { sentence } from '../src/quality/judges';
import { cellKey, table } from '../src/quality/relevance';

describe('a score', () => {
  it('is called as people call it', () => {
    expect(scoreName('custom.llm.faithfulness_score')).toBe('faithfulness');
    expect(scoreName('custom.rag.retrieval_relevance')).toBe('retrieval relevance');
    expect(scoreName('custom.llm.json_valid')).toBe('Valid JSON');
    expect(scoreName('user_feedback')).toBe('user feedback');
  });

  it('is better when more, but for what should not be', () => {
    expect(isMoreWorse('custom.llm.toxicity')).toBe(true);
    expect(isMoreWorse('custom.llm.faithfulness_score')).toBe(false);
  });

  it('of many labels names the most frequent', () => {
    const labels = ['en', 'de', 'ja', 'fr', 'it'].map((label, i) => ({ label, count: 10 - i }));
    expect(topLabels(labels)).toEqual([...labels.slice(0, 3), { label: 'others', count: 13 }]);
    expect(topLabels(labels.slice(0, 4))).toHaveLength(4);
  });
});

describe('drift', () => {
  it('reads as statisticians read a stability index', () => {
    expect([0.05, 0.1, 0.25, 0.26].map(reading)).toEqual(['steady', 'moving', 'moving', 'shifted']);
  });

  it('lists models by what moved most, and features in their order', () => {
    const feature = (name: string, psi: number) => ({ feature: name, psi, ks: null, trend: [psi], atMs: 0 });
    const rows = byModel([
      { model: 'a', app: 'x', ...feature('duration', 0.1) },
      { model: 'b', app: 'x', ...feature('score:custom.llm.faithfulness_score', 0.4) },
      { model: 'a', app: 'x', ...feature('output_tokens', 0.2) },
    ]);
    expect(rows.map(({ model, worst }) => [model, worst])).toEqual([
      ['b', 0.4],
      ['a', 0.2],
    ]);
    expect(featuresOf(rows)).toEqual(['output_tokens', 'duration', 'score:custom.llm.faithfulness_score']);
    expect(featureTitle('score:custom.llm.faithfulness_score')).toBe('faithfulness score');
  });

  it('keeps the last of many values', () => {
    const values = Array.from({ length: 1_000 }, (_, i) => i);
    expect(thinned(values).length).toBeLessThanOrEqual(60);
    expect(thinned(values).at(-1)).toBe(999);
    expect(thinned([1, 2])).toEqual([1, 2]);
  });
});

describe('the table of relevance', () => {
  it('has a row for each index and a column for each category', () => {
    const group = (index: string | null, category: string, value: number | null) => ({
      tags: { index, query_category: category },
      value,
    });
    const { indexes, categories, cells } = table(
      [group('wiki', 'billing', 0.5), group(null, 'returns', 0.7), group('gone', 'x', null)],
      [group('wiki', 'billing', 12)],
    );
    expect(indexes).toEqual(['none', 'wiki']);
    expect(categories).toEqual(['billing', 'returns']);
    expect(cells.get(cellKey('wiki', 'billing'))).toEqual({ value: 0.5, count: 12 });
    expect(cells.get(cellKey('none', 'returns'))).toEqual({ value: 0.7, count: 0 });
  });
});

describe('what judges cost', () => {
  it('is told in a sentence, and not where no model was asked', () => {
    expect(sentence(0, 0, null)).toBe('');
    expect(sentence(1, 0, null)).toBe('Models were asked once for it.');
    expect(sentence(1_200, 3, 0.42)).toBe(
      'Models were asked 1,200 times for it, of which 3 failed, for $0.42.',
    );
  });
});
