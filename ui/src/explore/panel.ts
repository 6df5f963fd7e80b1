// A saved question with the way it is shown, and dashboards made of such panels: what is stored and exported as JSON.
// A dashboard holds its panels whole, so that one file is all there is to it. Reading checks every field: an imported
// file is anyone's.

import { asArray, asRecord, asText, type Json } from '../calls/json';
import type { Language } from './codemirror';
import { COLUMNS, ROWS_MAX, type Box } from './grid';

/** How an answer is shown. */
export const SHOWN = ['lines', 'area', 'bars', 'table', 'number'] as const;

export type Shown = (typeof SHOWN)[number];

export const SHOWN_NAMES: Readonly<Record<Shown, string>> = {
  lines: 'Lines',
  area: 'Area',
  bars: 'Stacked bars',
  table: 'Table',
  number: 'Number',
};

/** A question and how its answer is shown. */
export interface PanelBody {
  language: Language;
  text: string;
  shown: Shown;
}

/** A panel at its place on a dashboard. */
export interface PlacedPanel extends PanelBody, Box {
  title: string;
}

export interface DashboardBody {
  panels: PlacedPanel[];
}

/** The version of the stored shape; another one is not read. */
const VERSION = 1;

/** More panels than this no page can ask for at once. */
export const PANELS_MAX = 40;

/** What is stored of a panel. */
export function panelJson({ language, text, shown }: PanelBody): Json {
  return { version: VERSION, language, text, shown };
}

/** A stored panel; undefined where it is none. */
export function panelOf(body: Json): PanelBody | undefined {
  const record = asRecord(body);
  const text = asText(record?.['text']);
  const shown = SHOWN.find((name) => name === record?.['shown']);
  const language = record?.['language'];
  if (!record || text === undefined || !shown) return undefined;
  if (language !== 'expr' && language !== 'sql') return undefined;
  return { language, text, shown };
}

/** What is stored of a dashboard. */
export function dashboardJson({ panels }: DashboardBody): Json {
  return {
    version: VERSION,
    panels: panels.map(({ id, title, x, y, w, h, ...panel }) => ({
      ...asRecord(panelJson(panel)),
      id,
      title,
      x,
      y,
      w,
      h,
    })),
  };
}

/** A stored dashboard; undefined where it is none. Panels that are not understood are left out. */
export function dashboardOf(body: Json): DashboardBody | undefined {
  const record = asRecord(body);
  const list = asArray(record?.['panels']);
  if (!record || !list || record['version'] !== VERSION) return undefined;
  const panels = list.slice(0, PANELS_MAX).flatMap((one, i) => {
    const panel = panelOf(one);
    const stated = asRecord(one);
    if (!panel || !stated) return [];
    const number = (name: string, least: number, most: number, otherwise: number) => {
      const value = stated[name];
      const whole = typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : otherwise;
      return Math.min(Math.max(whole, least), most);
    };
    const w = number('w', 1, COLUMNS, COLUMNS / 2);
    return [
      {
        ...panel,
        id: asText(stated['id']) ?? `panel-${i + 1}`,
        title: asText(stated['title']) ?? '',
        x: number('x', 0, COLUMNS - w, 0),
        y: number('y', 0, ROWS_MAX, i),
        w,
        h: number('h', 1, 12, 4),
      },
    ];
  });
  return { panels: panels.filter(({ id }, i) => panels.findIndex((other) => other.id === id) === i) };
}

/** A file with a dashboard. */
export function exported(name: string, body: DashboardBody): string {
  return `${JSON.stringify({ weir: 'dashboard', name, ...asRecord(dashboardJson(body)) }, null, 2)}\n`;
}

/** A dashboard from a file; undefined where the file has none. */
export function imported(text: string): { name: string; body: DashboardBody } | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  const body = dashboardOf(value);
  return body && { name: asText(asRecord(value)?.['name']) ?? 'Imported', body };
}
