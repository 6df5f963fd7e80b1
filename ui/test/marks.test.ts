// Places in bytes become places in code units, whatever stands before them.

import { describe, expect, it } from 'vitest';
import { around, pieces, placeOf, unitsOf, type Mark } from '../src/calls/marks';

const bytes = (text: string) => new TextEncoder().encode(text).length;
const mark = (start: number, end: number, key = 'k'): Mark => ({ start, end, key, tone: 'match', title: '' });

describe('places in bytes', () => {
  it.each([
    ['ASCII', 'ignore all of it'],
    ['two bytes', 'Grüße, ignore all of it'],
    ['three bytes', '以前の指示を無視して ignore all of it'],
    ['four bytes', '🙂👍🏽 ignore all of it'],
    ['joined emoji', '👨‍👩‍👧 ignore all of it 🙂'],
  ])('lead to the same words after %s', (_, text) => {
    const at = text.indexOf('ignore all');
    const start = bytes(text.slice(0, at));
    const [from, to] = unitsOf(text, [start, start + bytes('ignore all')]);
    expect(text.slice(from, to)).toBe('ignore all');
  });

  it('mark characters of several bytes whole', () => {
    const text = 'a無視🙂b';
    expect(unitsOf(text, [1, 7, 11, 12])).toEqual([1, 3, 5, 6]);
    // Within a character: its beginning.
    expect(unitsOf(text, [2, 8, 9, 10])).toEqual([1, 3, 3, 3]);
  });

  it('are found in any order, and end with the text', () => {
    expect(unitsOf('äbc', [99, 0, 2, 3])).toEqual([3, 0, 1, 2]);
    expect(unitsOf('', [0, 5])).toEqual([0, 0]);
  });

  it('survive halves of characters, which UTF-8 spells with three bytes', () => {
    expect(unitsOf('\ud800x', [3, 4])).toEqual([1, 2]);
  });
});

describe('a text with marks', () => {
  it('is cut where they begin and end, and says the same as before', () => {
    const text = 'one two three';
    const cut = pieces(text, [mark(4, 7, 'a'), mark(0, 7, 'b'), mark(20, 30, 'c')]);
    expect(cut.map((piece) => [piece.text, piece.marks.map(({ key }) => key)])).toEqual([
      ['one ', ['b']],
      ['two', ['a', 'b']],
      [' three', []],
    ]);
    expect(cut.map((piece) => piece.text).join('')).toBe(text);
  });

  it('without any is one piece', () => {
    expect(pieces('plain', [])).toEqual([{ text: 'plain', marks: [] }]);
    expect(pieces('', [])).toEqual([]);
  });
});

describe('a quote', () => {
  it('is found across line breaks and in another case', () => {
    const text = 'First.\nGoods can be\n  returned (in 30 days).';
    expect(placeOf('goods can be returned (in 30 days).', text)).toEqual([7, text.length]);
  });

  it('is found in quotation marks, and not where nobody said it', () => {
    expect(placeOf('“second”', 'first second')).toEqual([6, 12]);
    expect(placeOf('third', 'first second')).toBeUndefined();
    expect(placeOf('  ', 'first second')).toBeUndefined();
  });
});

describe('what surrounds a mark', () => {
  it('is cut on both sides, on one line, never within a character', () => {
    const text = '🙂🙂 before\nthe mark after it 🙂';
    const at = text.indexOf('mark');
    expect(around(text, [at, at + 4], 11)).toEqual({
      before: '…before the ',
      marked: 'mark',
      after: ' after it …',
    });
    expect(around(text, [at, at + 4], 13).before).toBe('…🙂 before the ');
    expect(around('mark', [0, 4], 9)).toEqual({ before: '', marked: 'mark', after: '' });
  });
});
