import { describe, expect, it } from 'vitest';
import { NO_FILTERS } from '../src/query/expression';
import { during, literal, where } from '../src/query/sql';
import { tagged } from '../src/section/tagged';

describe('SQL', () => {
  it('quotes texts', () => {
    expect(literal("o'clock")).toBe("'o''clock'");
  });

  it('narrows to an interval, the end not included', () => {
    expect(during('time', { fromMs: 1.4, toMs: 2 })).toBe('time >= epoch_ms(1) AND time < epoch_ms(2)');
  });

  it('narrows to the filters of the page, with any of the values of each', () => {
    const filters = { ...NO_FILTERS, team: ["a'b", 'c'], model: ['gpt-*_x'] };
    expect(where(filters)).toEqual([
      `("team" = 'a''b' OR "team" = 'c')`,
      `("model" LIKE 'gpt-%\\_x' ESCAPE '\\')`,
    ]);
  });

  it('narrows records without columns by their tags', () => {
    const filters = { ...NO_FILTERS, app: ["a'b", 'c*'], team: ['x'] };
    expect(tagged(filters, ['app'])).toEqual([`(tags['app'] = 'a''b' OR tags['app'] LIKE 'c%' ESCAPE '\\')`]);
  });

  it('leaves out filters that a table has no column for', () => {
    expect(where({ ...NO_FILTERS, key_id: ['key_1'] }, ['team'])).toEqual([]);
  });
});
