// Questions of one's own: places of faults, rows as charts, tables as CSV, and dashboards as files.

import { describe, expect, it } from 'vitest';
import { bytesAt, sqlPlace, unitsAt } from '../src/explore/offsets';
import { dashboardOf, exported, imported, type PlacedPanel } from '../src/explore/panel';
import { withRange } from '../src/explore/questions';
import { chartOf, chartOfRows, csvOf, gridOf, gridOfRows } from '../src/explore/shape';

describe('places', () => {
  it('are counted in bytes and in code units', () => {
    const text = 'ä€😀b';
    expect([0, 1, 2, 4, 5].map((units) => bytesAt(text, units))).toEqual([0, 2, 5, 9, 10]);
    expect([0, 2, 5, 9, 10].map((bytes) => unitsAt(text, bytes))).toEqual([0, 1, 2, 4, 5]);
    // Within a character its beginning is meant.
    expect(unitsAt(text, 3)).toBe(1);
  });

  it('of faults in SQL are read from the words of the store', () => {
    const word = (sql: string, message: string) => {
      const place = sqlPlace(sql, message);
      return place && sql.slice(...place);
    };
    expect(word('selec 1', 'syntax error at or near "selec" (at character 0)')).toBe('selec');
    const sql = 'select a\nfrom spans\nwhere nothing';
    expect(word(sql, 'Binder Error: …\n\nLINE 3: where nothing\n              ^')).toBe('nothing');
    expect(word(sql, 'it took too long')).toBeUndefined();
    const long = `select ${'x, '.repeat(60)}kin from spans`;
    const cut = long.slice(150, 200);
    const caret = ' '.repeat('LINE 1: ...'.length + cut.indexOf('kin'));
    expect(word(long, `Error\n\nLINE 1: ...${cut}...\n${caret}^`)).toBe('kin');
  });
});

describe('the range in SQL', () => {
  it('stands for $from and $to, and for nothing else', () => {
    const range = { fromMs: 0, toMs: 1_000 };
    expect(withRange('a >= $from AND a < $to', range)).toBe(
      "a >= TIMESTAMP '1970-01-01 00:00:00.000' AND a < TIMESTAMP '1970-01-01 00:00:01.000'",
    );
    expect(withRange('$fromage', range)).toBe('$fromage');
  });
});

describe('rows as a chart', () => {
  const columns = [
    { name: 't', type: 'TIMESTAMP' },
    { name: 'model', type: 'VARCHAR' },
    { name: 'n', type: 'HUGEINT' },
  ];

  it('have one series for each name on an even grid, with gaps where nothing is', () => {
    const rows = [
      ['2026-11-23T10:00:00Z', 'a', '3'],
      ['2026-11-23T10:05:00Z', 'b', 1],
      ['2026-11-23T10:15:00Z', 'a', 4],
    ];
    const chart = chartOfRows({ columns, rows, truncated: false });
    expect(chart).toMatchObject({
      stepMs: 300_000,
      series: [
        { label: 'a', values: [3, null, null, 4] },
        { label: 'b', values: [null, 1, null, null] },
      ],
    });
  });

  it('say what is missing where they cannot be drawn', () => {
    const other = [
      { name: 'model', type: 'VARCHAR' },
      { name: 'n', type: 'BIGINT' },
    ];
    expect(chartOfRows({ columns: other, rows: [['a', 1]], truncated: false })).toContain('column of times');
    const tooClose = [
      ['2026-11-23T10:00:00.000Z', 'a', 1],
      ['2026-11-23T10:00:00.001Z', 'a', 1],
      ['2026-11-23T11:00:00Z', 'a', 1],
    ];
    expect(chartOfRows({ columns, rows: tooClose, truncated: false })).toContain('too close');
  });
});

describe('an expression', () => {
  it('as a table has a row for each group with its unit', () => {
    const grid = gridOf({
      unit: 'ms',
      notes: [],
      values: [
        { tags: { model: 'a' }, value: 1 },
        { tags: { model: null }, value: null },
      ],
    });
    expect(grid.columns).toEqual([
      { name: 'model', isNumber: false },
      { name: 'value', isNumber: true, unit: 'ms' },
    ]);
    expect(grid.rows).toEqual([
      ['a', 1],
      [null, null],
    ]);
  });

  it('as stacked bars counts what is absent as zero, as lines as unknown', () => {
    const answer = {
      unit: 'count' as const,
      step_ms: 60_000,
      notes: [],
      series: [{ tags: {}, points: [[60_000, 2]] as [number, number][] }],
    };
    const range = { fromMs: 0, toMs: 120_000 };
    expect(chartOf(answer, range, true).series[0]?.values).toEqual([0, 2]);
    expect(chartOf(answer, range, false).series[0]?.values).toEqual([null, 2]);
  });
});

describe('CSV', () => {
  it('quotes what must be quoted, and disarms formulas', () => {
    const grid = gridOfRows({
      columns: [
        { name: 'a,b', type: 'VARCHAR' },
        { name: 'n', type: 'DOUBLE' },
      ],
      rows: [
        ['say "hi"\nthere', 1.5],
        ['=1+1', null],
        ['-5', -5],
      ],
      truncated: false,
    });
    expect(csvOf(grid)).toBe('"a,b",n\r\n"say ""hi""\nthere",1.5\r\n\'=1+1,\r\n-5,-5\r\n');
  });
});

describe('a dashboard', () => {
  const panel: PlacedPanel = {
    id: 'a',
    title: 'Requests',
    language: 'expr',
    text: 'sum(llm.request.count)',
    shown: 'bars',
    x: 0,
    y: 0,
    w: 6,
    h: 4,
  };

  it('comes back from its file as it was', () => {
    expect(imported(exported('Monday', { panels: [panel] }))).toEqual({
      name: 'Monday',
      body: { panels: [panel] },
    });
  });

  it('of anyone is read without trust', () => {
    expect(imported('not json')).toBeUndefined();
    expect(imported('{"version":9,"panels":[]}')).toBeUndefined();
    const odd = {
      version: 1,
      panels: [
        null,
        { language: 'perl', text: 'x', shown: 'bars' },
        { language: 'sql', text: 'SELECT 1', shown: 'table', w: 99, x: -5, h: 1e9, y: 'low' },
      ],
    };
    expect(dashboardOf(odd)?.panels).toEqual([
      {
        id: 'panel-3',
        title: '',
        language: 'sql',
        text: 'SELECT 1',
        shown: 'table',
        x: 0,
        y: 2,
        w: 12,
        h: 12,
      },
    ]);
  });

  it('has each panel once', () => {
    const twice = JSON.stringify({ version: 1, panels: [panel, panel] });
    expect(imported(twice)?.body.panels).toHaveLength(1);
  });
});
