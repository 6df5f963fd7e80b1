// The address in the snippets is one that works from where the viewer is.

import { expect, it } from 'vitest';
import { baseUrl, snippets } from '../src/setup/snippets';

const PAGE = { protocol: 'https:', hostname: 'weir.example', origin: 'https://weir.example' };

it.each([
  [['127.0.0.1:7070'], 'http://127.0.0.1:7070'],
  [['[::1]:7070'], 'http://[::1]:7070'],
  [['0.0.0.0:8080'], 'https://weir.example:8080'],
  [['[::]:8080', '127.0.0.1:1'], 'https://weir.example:8080'],
  [[], 'https://weir.example'],
  [['unix:/run/weir.sock'], 'https://weir.example'],
])('where Weir listens on %j the address is %s', (listen, expected) => {
  expect(baseUrl(listen, PAGE)).toBe(expected);
});

it('every snippet names the address', () => {
  for (const { title, code } of snippets('http://127.0.0.1:7070')) {
    expect(code, title).toContain('http://127.0.0.1:7070');
  }
});
