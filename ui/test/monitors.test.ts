// How monitors are sorted, found, drawn and edited.

import { describe, expect, it } from 'vitest';
import { levelsWithin, summary } from '../src/chart/table';
import { since } from '../src/format/moment';
import { changedEntry, emptyForm, formOf, isChanged, nameFault, wholeEntry } from '../src/monitors/entry';
import { judgedChart, levelLines, notWell, stretches } from '../src/monitors/judged';
import { recurrenceName, scopeOf } from '../src/monitors/recurrence';
import type { JudgedSeries, Monitor } from '../src/monitors/requests';
import {
  countsText,
  countStandings,
  groupLabel,
  matching,
  pendingText,
  worstFirst,
} from '../src/monitors/states';
import { levelsFor } from '../src/monitors/thresholds';
import { NO_FILTERS } from '../src/query/expression';

const MINUTE = 60_000;
const NO_LEVELS = { warning: null, critical: null, judges_the_unusual: false };

function monitor(name: string, more: Partial<Monitor> = {}): Monitor {
  return {
    name,
    condition: 'p95(llm.request.duration) by model > 5s',
    explanation: '',
    expression: 'p95(llm.request.duration) by model',
    message: '',
    severity: 'warning',
    is_enabled: true,
    defined_in: 'weir.toml',
    entry: {},
    saved: null,
    unit: 'ms',
    comparison: '>',
    warning: 5_000,
    critical: 10_000,
    judges_the_unusual: false,
    by: ['model'],
    state: 'ok',
    counts: { ok: 1, no_data: 0, warn: 0, alert: 0 },
    changed_at_ms: 0,
    evaluated_at_ms: 0,
    delay_ms: 0,
    error: null,
    remarks: [],
    silenced_by: [],
    ...more,
  };
}

function series(group: string, more: Partial<JudgedSeries> = {}): JudgedSeries {
  return {
    tags: { model: group },
    group: `model:${group}`,
    at_ms: [MINUTE, 2 * MINUTE, 3 * MINUTE],
    states: ['ok', 'warn', 'warn'],
    values: [1, 2, null],
    baseline: null,
    lower: null,
    upper: null,
    fraction: null,
    ...more,
  };
}

describe('the list of monitors', () => {
  const all = [
    monitor('fine', { changed_at_ms: 9 }),
    monitor('off', { is_enabled: false, state: 'alert' }),
    monitor('slow', { state: 'alert' }),
    monitor('broken', { error: 'the store failed' }),
    monitor('late', { state: 'warn', changed_at_ms: 1 }),
    monitor('later', { state: 'warn', changed_at_ms: 2, message: 'Look at the retrieval' }),
  ];

  it('has the worst first, and of equals the one that changed last', () => {
    expect(worstFirst(all).map(({ name }) => name)).toEqual([
      'slow',
      'broken',
      'later',
      'late',
      'fine',
      'off',
    ]);
  });

  it('counts what is switched off and what cannot be evaluated apart', () => {
    expect(countStandings(all)).toEqual({ alert: 1, error: 1, warn: 2, no_data: 0, ok: 1, off: 1 });
  });

  it('is searched by all words, in names, conditions and messages', () => {
    const names = (words: string, standing?: 'warn') =>
      matching(all, words, standing).map(({ name }) => name);
    expect(names('duration RETRIEVAL')).toEqual(['later']);
    expect(names('', 'warn')).toEqual(['late', 'later']);
    expect(names('nothing')).toEqual([]);
  });

  it('says how many groups are how, and what a group is called', () => {
    expect(countsText({ ok: 40, no_data: 0, warn: 1, alert: 2 })).toBe('2 alert, 1 warning, 40 ok');
    expect(countsText({ ok: 0, no_data: 0, warn: 0, alert: 0 })).toBe('none seen yet');
    expect(groupLabel({ tags: { index: 'a', query_category: null } })).toBe('a · none');
    expect(groupLabel({ tags: {} })).toBe('everything');
    expect(groupLabel({ tags: {} }, true)).toBe('none');
  });
});

describe('the chart of what was judged', () => {
  it('lays all groups on one grid of ticks, with gaps where nothing was judged', () => {
    const late = series('b', { at_ms: [3 * MINUTE, 5 * MINUTE], values: [7, 8], states: ['ok', 'ok'] });
    const chart = judgedChart([series('a'), late], 'ms', NO_LEVELS);
    expect(chart.timesMs).toEqual([1, 2, 3, 4, 5].map((minute) => minute * MINUTE));
    expect(chart.series.map(({ values }) => values)).toEqual([
      [1, 2, null, null, null],
      [null, null, 7, null, 8],
    ]);
    expect(judgedChart([], 'ms', NO_LEVELS).timesMs).toEqual([]);
  });

  it('shades the band of a group that is alone', () => {
    const banded = series('a', { lower: [0, 1, 1], upper: [2, 3, 3], baseline: [1, 2, 2] });
    expect(judgedChart([banded], 'tokens', NO_LEVELS).band?.upper).toEqual([2, 3, 3]);
    expect(judgedChart([banded, series('b')], 'tokens', NO_LEVELS).band).toBeUndefined();
  });

  it('has levels of values only: those of anomalies are shares of points', () => {
    const levels = { warning: 5, critical: 10, judges_the_unusual: false };
    expect(levelLines(levels).map(({ label, value }) => `${label} ${value}`)).toEqual([
      'warning 5',
      'alert 10',
    ]);
    expect(levelLines({ ...levels, judges_the_unusual: true })).toEqual([]);
  });

  it('does not press its line to the ground for a level far above', () => {
    const chart = judgedChart([series('a')], 'ms', { warning: 5, critical: 100, judges_the_unusual: false });
    expect(levelsWithin(chart).map(({ label }) => label)).toEqual(['warning']);
    expect(summary(chart)).toContain('Level of alert: 100 ms.');
  });

  it('knows for how long a group was how', () => {
    const found = stretches(series('a'), MINUTE);
    expect(found).toEqual([
      { state: 'ok', fromMs: 0, toMs: MINUTE },
      { state: 'warn', fromMs: MINUTE, toMs: 3 * MINUTE },
    ]);
    expect(notWell(found)).toBeCloseTo(2 / 3);
    expect(notWell([])).toBe(0);
  });

  it('does not bridge a time that was not judged', () => {
    const gap = series('a', { at_ms: [MINUTE, 10 * MINUTE], states: ['ok', 'ok'] });
    expect(stretches(gap, MINUTE)).toEqual([
      { state: 'ok', fromMs: 0, toMs: MINUTE },
      { state: 'ok', fromMs: 9 * MINUTE, toMs: 10 * MINUTE },
    ]);
  });
});

describe('thresholds on other charts', () => {
  const all = [
    monitor('p95'),
    monitor('off', { is_enabled: false }),
    monitor('rate', { expression: 'rate(x)' }),
  ];

  it('are those of monitors on the same expression', () => {
    const labels = levelsFor(all, 'p95(llm.request.duration) by model', NO_FILTERS).map(({ label }) => label);
    expect(labels).toEqual(['p95: warning', 'p95: alert']);
  });

  it('are not drawn where filters narrow the chart to other values than those judged', () => {
    const expression = 'p95(llm.request.duration) by model';
    expect(levelsFor(all, expression, { ...NO_FILTERS, model: ['a'] })).toHaveLength(2);
    expect(levelsFor(all, expression, { ...NO_FILTERS, team: ['a'] })).toEqual([]);
  });
});

describe('editing', () => {
  const shown = { name: 'p95', condition: 'x > 5', severity: 'warning', critical: '10s', min_samples: 20 };

  it('saves what differs from the file, beside what was saved before', () => {
    const form = { ...formOf(shown), critical: '20s', min_samples: '50', notify: 'pager, mail' };
    expect(changedEntry(shown, { name: 'p95', for: '5m' }, form)).toEqual({
      name: 'p95',
      for: '5m',
      critical: '20s',
      min_samples: 50,
      notify: ['pager', 'mail'],
    });
    expect(isChanged(shown, form)).toBe(true);
    expect(isChanged(shown, formOf(shown))).toBe(false);
  });

  it('writes numbers as numbers, and leaves to Weir what is none', () => {
    const form = { ...emptyForm('x > 5'), name: 'new', confidence: '0.95', min_samples: 'some' };
    expect(wholeEntry(form)).toMatchObject({ confidence: 0.95, min_samples: 'some' });
    expect(formOf({ name: 'new', confidence: 0.95 }).confidence).toBe('0.95');
  });

  it('forgets a saved field that was emptied', () => {
    const saved = { name: 'p95', critical: '10s' };
    expect(changedEntry(shown, saved, { ...formOf(shown), critical: '' })).toEqual({ name: 'p95' });
  });

  it('switches a monitor off and on', () => {
    const off = { ...formOf(shown), enabled: false };
    expect(changedEntry(shown, null, off)).toEqual({ name: 'p95', enabled: false });
  });

  it('writes a new monitor whole, without what is empty', () => {
    const form = { ...emptyForm('x > 5'), name: ' new ', message: 'Look' };
    expect(wholeEntry(form)).toEqual({
      name: 'new',
      condition: 'x > 5',
      severity: 'warning',
      message: 'Look',
    });
  });

  it('takes names as files do', () => {
    expect(nameFault('p95-latency_2')).toBe('');
    expect(nameFault('a b')).not.toBe('');
    expect(nameFault(' ')).not.toBe('');
  });
});

describe('silences', () => {
  it('are about one group of one monitor, quoted where a scope would read it otherwise', () => {
    expect(scopeOf('p95')).toBe('monitor:p95');
    expect(scopeOf('p95', { model: 'gpt-4o', app: 'a "b"', team: null })).toBe(
      'monitor:p95 AND model:gpt-4o AND app:"a \\"b\\""',
    );
  });

  it('recur in words', () => {
    expect(recurrenceName(null)).toBe('once');
    expect(recurrenceName('FREQ=WEEKLY;BYDAY=SA,SU')).toBe('saturday and sunday');
    expect(recurrenceName('FREQ=YEARLY')).toBe('FREQ=YEARLY');
  });
});

describe('what a group is about to be', () => {
  it('says for how long only when it has been so for a while', () => {
    const said = (ms: number) => pendingText({ state: 'alert', since_ms: 0 }, ms).replaceAll('\u00a0', ' ');
    expect(said(0)).toBe('alert if it stays so');
    expect(said(3 * MINUTE)).toBe('alert if it stays so, for 3 min now');
  });
});

describe('the time since', () => {
  it('has its two largest units', () => {
    const said = (ms: number) => since(0, ms).replaceAll('\u00a0', ' ');
    expect(said(30_000)).toBe('just now');
    expect(said(5 * MINUTE)).toBe('5 min');
    expect(said(125 * MINUTE)).toBe('2 h 5 min');
    expect(said(26 * 60 * MINUTE)).toBe('1 d 2 h');
    expect(said(24 * 60 * MINUTE + 5 * MINUTE)).toBe('1 d');
    expect(since(5, 0)).toBe('just now');
  });
});
