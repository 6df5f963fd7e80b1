import { describe, expect, it } from 'vitest';
import { KeyReader } from '../src/frame/shortcuts';

function pressed(...keys: [string, number?][]) {
  const reader = new KeyReader();
  let atMs = 0;
  return keys.map(([key, waitMs = 100]) => {
    atMs += waitMs;
    const action = reader.read({ key, ctrl: false, alt: false, atMs });
    return action?.kind === 'go' ? action.route.path : action?.kind;
  });
}

describe('keys', () => {
  it('g and a letter go to a page', () => {
    expect(pressed(['g'], ['h'])).toEqual([undefined, '/health']);
    expect(pressed(['g'], ['o'])).toEqual([undefined, '/']);
  });

  it('a letter long after g is a key of its own', () => {
    expect(pressed(['g'], ['r', 5_000])).toEqual([undefined, 'refresh']);
  });

  it('a letter that goes nowhere ends the pair', () => {
    expect(pressed(['g'], ['z'], ['r'])).toEqual([undefined, undefined, 'refresh']);
  });

  it('single keys act, and others do nothing', () => {
    expect(pressed(['/'], ['?'], ['x'])).toEqual(['search', 'help', undefined]);
  });

  it('Ctrl K opens the palette, and other keys with Ctrl are the browser’s', () => {
    const reader = new KeyReader();
    const held = { ctrl: true, alt: false, atMs: 0 };
    expect(reader.read({ key: 'k', ...held })).toEqual({ kind: 'palette' });
    expect(reader.read({ key: 'r', ...held })).toBeUndefined();
  });
});
