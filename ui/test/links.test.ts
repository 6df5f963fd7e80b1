import { beforeAll, describe, expect, it, vi } from 'vitest';

let links: typeof import('../src/frame/links');
let ofMonitors: typeof import('../src/monitors/links');
let views: typeof import('../src/frame/views.svelte');

beforeAll(async () => {
  vi.stubGlobal('window', {
    location: {
      pathname: '/health',
      search: '?from=now-6h&to=now&team=payments&percentile=p99&call=x',
      hash: '',
    },
    addEventListener: () => undefined,
  });
  links = await import('../src/frame/links');
  ofMonitors = await import('../src/monitors/links');
  views = await import('../src/frame/views.svelte');
});

const parameters = (href: string) => new URL(href, 'http://weir').searchParams;

describe('a link to the calls behind a number', () => {
  it('keeps time and filters, and leaves what is of one page', () => {
    const found = parameters(links.callsHref({}));
    expect(found.get('from')).toBe('now-6h');
    expect(found.get('team')).toBe('payments');
    expect(found.has('percentile')).toBe(false);
    expect(found.has('call')).toBe(false);
    expect(found.getAll('kind')).toEqual(['llm', 'embedding', 'rerank']);
  });

  it('narrows to the moment and the group that were clicked', () => {
    const interval = { fromMs: 1_700_000_000_000, toMs: 1_700_000_060_000 };
    const found = parameters(
      links.callsHref({ interval, tag: 'model', value: 'gpt-4o', where: 'status:error' }),
    );
    expect(found.get('from')).toBe('2023-11-14T22:13:20.000Z');
    expect(found.get('to')).toBe('2023-11-14T22:14:20.000Z');
    expect(found.get('model')).toBe('gpt-4o');
    expect(found.get('filter')).toBe('status:error');
  });

  it('finds calls without the tag', () => {
    expect(parameters(links.callsHref({ tag: 'agent', value: null })).get('filter')).toBe('!agent:*');
  });

  it('writes a tag that the address does not know as a condition', () => {
    const found = parameters(links.callsHref({ where: 'status:error', tag: 'layer', value: 'exact match' }));
    expect(found.get('filter')).toBe('status:error AND layer:"exact match"');
  });
});

describe('a saved view', () => {
  const read = (body: unknown) => views.readView({ id: '1', name: 'n', body: body as never });

  it('leads to its page', () => {
    expect(read({ path: '/cost', search: 'by=team' })).toEqual([
      { id: '1', name: 'n', href: '/cost?by=team' },
    ]);
    expect(read({ path: '/cost', search: '' })[0]?.href).toBe('/cost');
  });

  it('never leads out of the app', () => {
    for (const path of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)']) {
      expect(read({ path, search: '' }), path).toEqual([]);
    }
    expect(read(null)).toEqual([]);
    expect(read({ path: '/cost' })).toEqual([]);
  });
});

describe('a link from an alert', () => {
  it('opens the trace at what was judged, where scores are', () => {
    const href = (expression: string | null) =>
      parameters(ofMonitors.traceHref('ab', expression)).get('score');
    expect(href('avg(custom.llm.faithfulness_score) by app')).toBe('custom.llm.faithfulness_score');
    expect(href('max(custom.llm.injection_risk_score)')).toBe('custom.llm.injection_risk_score');
    expect(href('sum(llm.tokens.total) by agent')).toBeNull();
    expect(href(null)).toBeNull();
  });
});
