import { describe, expect, it } from 'vitest';
import { ranked } from '../src/frame/match';

const names = ['Compare with week before', 'Last 7 days', 'Cost', 'Weekly cost of payments', 'Security'];
const found = (wanted: string) => ranked(names, (name) => name, wanted);

describe('a few letters', () => {
  it('find beginnings before insides', () => {
    expect(found('co')).toEqual(['Cost', 'Compare with week before', 'Weekly cost of payments']);
  });

  it('must all occur, in any order', () => {
    expect(found('cost week')).toEqual(['Weekly cost of payments']);
  });

  it('do not care about capitals', () => {
    expect(found('SEC')).toEqual(['Security']);
  });

  it('when there are none, everything is listed in its order', () => {
    expect(found('  ')).toEqual(names);
  });
});
