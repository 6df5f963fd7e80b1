// What models wrote is read into tokens, and nothing of it does more than show.

import { describe, expect, it } from 'vitest';
import { foundDocuments } from '../src/calls/documents';
import { isJson, loadLexer, safeAddress } from '../src/calls/markdown';
import { rulerTicks } from '../src/traces/ruler';

describe('Markdown', () => {
  it('keeps HTML as text tokens', async () => {
    const lexer = await loadLexer();
    const tokens = lexer('Hello <img src=x onerror=alert(1)>\n\n<script>alert(1)</script>');
    const types = JSON.stringify(tokens, ['type', 'tokens', 'text']);
    expect(types).toContain('"type":"html"');
    expect(types).toContain('<script>alert(1)</script>');
  });

  it('breaks lines where the text does', async () => {
    const lexer = await loadLexer();
    expect(JSON.stringify(lexer('one\ntwo'))).toContain('"type":"br"');
  });

  it('follows links to pages and mail only', () => {
    expect(safeAddress('https://a.example/x')).toBe('https://a.example/x');
    expect(safeAddress('mailto:a@b.example')).toBe('mailto:a@b.example');
    for (const bad of [
      'javascript:alert(1)',
      'data:text/html,x',
      '/relative',
      'file:///etc/passwd',
      ' java\nscript:x',
    ])
      expect(safeAddress(bad), bad).toBeUndefined();
  });

  it('tells JSON from prose', () => {
    expect(isJson(' {"a":1} ')).toBe(true);
    expect(isJson('[1, 2]')).toBe(true);
    expect(isJson('[a link](x)')).toBe(false);
    expect(isJson('42')).toBe(false);
  });
});

describe('documents', () => {
  it('are read in the shapes of several libraries', () => {
    const read = (value: unknown) => foundDocuments(JSON.stringify(value));
    expect(read([{ id: 'a', score: 0.5, text: 'T' }])).toEqual([
      { id: 'a', score: 0.5, text: 'T', rest: '' },
    ]);
    expect(read([{ page_content: 'T', metadata: { source: 'f' } }])[0]).toMatchObject({
      text: 'T',
      rest: expect.stringContaining('source') as string,
    });
    expect(read([{ document: { id: 'd', content: 'T' }, score: 1 }])).toEqual([
      { id: 'd', score: 1, text: 'T', rest: '' },
    ]);
    expect(read({ documents: ['only text'] })).toEqual([
      { id: '', score: undefined, text: 'only text', rest: '' },
    ]);
    expect(foundDocuments('not json')[0]?.text).toBe('not json');
    expect(foundDocuments(null)).toEqual([]);
  });
});

describe('the ruler of a waterfall', () => {
  it('has round steps that fit its width', () => {
    expect(rulerTicks(1_200, 400).map(({ label }) => label)).toEqual(['0 s', '0.5 s', '1.0 s']);
    expect(rulerTicks(103_000, 300).map(({ label }) => label.replace('\u00a0', ' '))).toEqual([
      '0',
      '1:00 min',
    ]);
    expect(rulerTicks(0, 300)).toEqual([]);
  });
});
