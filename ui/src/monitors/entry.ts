// A monitor's entry as a form and back. What is saved is what differs from the files: a monitor that a file defines keeps
// following it in everything that was not changed here.

import type { Entry } from './requests';

/** The fields of the form; each is text, as it is written in a file. */
export interface Form {
  name: string;
  condition: string;
  severity: string;
  message: string;
  enabled: boolean;
  threshold: string;
  warning: string;
  critical: string;
  recovery: string;
  for: string;
  keep_firing: string;
  every: string;
  min_samples: string;
  confidence: string;
  tz: string;
  no_data: string;
  renotify: string;
  notify: string;
}

type TextKey = Exclude<keyof Form, 'enabled'>;

const TEXTS: readonly TextKey[] = [
  'condition',
  'severity',
  'message',
  'threshold',
  'warning',
  'critical',
  'recovery',
  'for',
  'keep_firing',
  'every',
  'min_samples',
  'confidence',
  'tz',
  'no_data',
  'renotify',
  'notify',
];

/** What an empty form says. */
export function emptyForm(condition: string): Form {
  const texts = Object.fromEntries(TEXTS.map((key) => [key, ''])) as Record<TextKey, string>;
  return { ...texts, name: '', enabled: true, severity: 'warning', condition };
}

/** The entry as the form shows it. */
export function formOf(entry: Entry): Form {
  const texts = Object.fromEntries(TEXTS.map((key) => [key, textOf(entry[key])])) as Record<TextKey, string>;
  return { ...texts, name: textOf(entry['name']), enabled: entry['enabled'] !== false };
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** A text of the form as the entry holds it. */
function valueOf(key: TextKey, text: string): unknown {
  if (key === 'min_samples' && /^\d+$/.test(text)) return Number(text);
  if (key === 'confidence' && /^(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text);
  if (key === 'notify') {
    return text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '');
  }
  return text;
}

/** A whole entry: a monitor that is defined by nothing else. */
export function wholeEntry(form: Form): Entry {
  const texts = TEXTS.filter((key) => form[key].trim() !== '').map((key) => [
    key,
    valueOf(key, form[key].trim()),
  ]);
  return {
    name: form.name.trim(),
    ...Object.fromEntries(texts),
    ...(form.enabled ? {} : { enabled: false }),
  };
}

/**
 * What to save over a monitor of a file: what was saved before, with what the form changes. A field that was emptied is
 * forgotten, and the file's own word holds again.
 */
export function changedEntry(shown: Entry, saved: Entry | null, form: Form): Entry {
  const before = formOf(shown);
  const entry: Record<string, unknown> = { ...saved, name: before.name };
  for (const key of TEXTS) {
    const text = form[key].trim();
    if (text === before[key]) continue;
    if (text === '') delete entry[key];
    else entry[key] = valueOf(key, text);
  }
  if (form.enabled !== before.enabled) entry['enabled'] = form.enabled;
  return entry;
}

/** Whether a form says anything else than what is shown. */
export function isChanged(shown: Entry, form: Form): boolean {
  const before = formOf(shown);
  return form.enabled !== before.enabled || TEXTS.some((key) => form[key].trim() !== before[key]);
}

/** What is wrong with a name; empty when nothing is. */
export function nameFault(name: string): string {
  if (name.trim() === '') return 'A monitor has a name';
  return /^[\p{L}\p{N}_-]+$/u.test(name.trim()) ? '' : 'A name has letters, digits, - and _ only';
}
