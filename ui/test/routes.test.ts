import { describe, expect, it } from 'vitest';
import { GROUPS, isAt, nameOf, routeOf } from '../src/frame/routes';

const titleAt = (path: string) => routeOf(path)?.title;

describe('paths', () => {
  it('lead to their pages, with or without a slash at the end', () => {
    expect(titleAt('/')).toBe('Overview');
    expect(titleAt('/health')).toBe('Health');
    expect(titleAt('/cost/')).toBe('Cost');
  });

  it('below a page name what it shows', () => {
    const id = '0123456789abcdef0123456789abcdef';
    expect(titleAt(`/traces/${id}`)).toBe('Trace');
    expect(nameOf(`/traces/${id}/`)).toBe(id);
    expect(nameOf('/traces')).toBe('');
    expect(nameOf('/traces/a%20b')).toBe('a b');
    expect(nameOf('/traces/%zz')).toBe('%zz');
  });

  it('that are no page lead nowhere', () => {
    expect(routeOf('/nowhere')).toBeUndefined();
    expect(routeOf('/health/x')).toBeUndefined();
  });

  it('below a page show that page as open in the navigation', () => {
    const [home, traces] = [routeOf('/'), routeOf('/traces')];
    if (!home || !traces) throw new Error('pages are missing');
    expect(isAt(traces, '/traces/0123')).toBe(true);
    expect(isAt(home, '/traces')).toBe(false);
    expect(isAt(home, '/')).toBe(true);
  });
});

it('no two pages have the same path or key', () => {
  const all = GROUPS.flat();
  expect(new Set(all.map(({ path }) => path)).size).toBe(all.length);
  expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
});
