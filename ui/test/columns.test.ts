import { describe, expect, it } from 'vitest';
import { csv, type Column } from '../src/section/columns';

const columns: Column<{ name: string; usd: number | null }>[] = [
  { title: 'Name', text: ({ name }) => name },
  { title: 'Spend, USD', text: () => '$1', exact: ({ usd }) => usd },
];

describe('CSV', () => {
  it('quotes what needs it and keeps all digits', () => {
    const rows = [
      { name: 'a "b", c', usd: 0.123456789 },
      { name: 'plain', usd: null },
    ];
    expect(csv(columns, rows)).toBe('Name,"Spend, USD"\r\n"a ""b"", c",0.123456789\r\nplain,\r\n');
  });

  it('does not let a name become a formula', () => {
    expect(csv(columns, [{ name: '=HYPERLINK("x")', usd: 1 }])).toContain('"\'=HYPERLINK(""x"")",1');
  });

  it('keeps negative numbers numbers', () => {
    expect(csv(columns, [{ name: 'a', usd: -1 }])).toContain('a,-1');
  });
});
