// The editor itself: CodeMirror with two languages. Loaded only by the page that edits.
//
// It lives in a shadow tree. There CodeMirror's own styles are constructed sheets, which Weir's content policy allows,
// instead of style elements, which it does not.

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { PostgreSQL, sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { completions, expressionLanguage } from './language';
import type { Place } from './offsets';

export type Language = 'expr' | 'sql';

/** The columns of each table. */
export type Schema = Readonly<Record<string, readonly string[]>>;

export interface EditorOptions {
  language: Language;
  text: string;
  label: string;
  hint: string;
  onchange: (text: string) => void;
  onrun: () => void;
}

const THEME = EditorView.theme({
  '&': { borderRadius: '8px', background: 'var(--surface)', color: 'var(--text)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { padding: '9px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 12px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--text-muted)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground, ::selection': {
    background: 'var(--selected) !important',
  },
  '.cm-matchingBracket': { background: 'var(--hover)', outline: '1px solid var(--border-strong)' },
  '.cm-tooltip': {
    border: '1px solid var(--border-strong)',
    borderRadius: '6px',
    background: 'var(--surface-raised)',
    color: 'var(--text)',
    boxShadow: 'var(--shadow)',
  },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '15em' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--selected)',
    color: 'var(--text)',
  },
  '.cm-completionDetail': { color: 'var(--text-muted)', fontStyle: 'normal' },
  '.cm-completionMatchedText': { color: 'var(--accent)', textDecoration: 'none', fontWeight: '600' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad)',
    textUnderlineOffset: '3px',
  },
});

const COLORS = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--bad)' },
  { tag: tags.function(tags.variableName), color: 'var(--accent)' },
  { tag: tags.propertyName, fontWeight: '600' },
  { tag: tags.comment, color: 'var(--text-muted)' },
]);

/** One editor on the page. */
export class QuestionEditor {
  readonly #view: EditorView;
  readonly #language = new Compartment();

  constructor(host: HTMLElement, options: EditorOptions) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    const language = this.#language.of(languageOf(options.language, {}));
    this.#view = new EditorView({ root, parent: root, state: state(options, language) });
  }

  /** Takes the language, and the tables that its completion knows. */
  setLanguage(language: Language, schema: Schema) {
    this.#view.dispatch({ effects: this.#language.reconfigure(languageOf(language, schema)) });
  }

  /** Takes a text from outside, unless it is what stands there. */
  setText(text: string) {
    const { doc } = this.#view.state;
    if (doc.toString() === text) return;
    this.#view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
  }

  /** Underlines what is wrong; undefined takes the line away. */
  setFault(fault: { place: Place; message: string } | undefined) {
    const { length } = this.#view.state.doc;
    const found = fault && {
      from: Math.min(fault.place[0], Math.max(0, length - 1)),
      to: Math.max(Math.min(fault.place[1], length), Math.min(fault.place[0] + 1, length)),
      severity: 'error' as const,
      message: fault.message,
    };
    this.#view.dispatch(setDiagnostics(this.#view.state, found ? [found] : []));
  }

  focus() {
    this.#view.focus();
  }

  destroy() {
    this.#view.destroy();
  }
}

function state({ text, label, hint, onchange, onrun }: EditorOptions, language: Extension): EditorState {
  const run = () => {
    onrun();
    return true;
  };
  return EditorState.create({
    doc: text,
    extensions: [
      Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
      history(),
      bracketMatching(),
      closeBrackets(),
      // Tab takes an offered word; otherwise it leaves the editor, as everywhere on the page.
      Prec.high(keymap.of([{ key: 'Tab', run: acceptCompletion }])),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
      language,
      syntaxHighlighting(COLORS),
      placeholder(hint),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) onchange(update.state.doc.toString());
      }),
      THEME,
    ],
  });
}

function languageOf(language: Language, schema: Schema): Extension {
  if (language === 'expr') return [expressionLanguage, autocompletion({ override: [completions] })];
  const tables = Object.fromEntries(Object.entries(schema).map(([table, columns]) => [table, [...columns]]));
  // DuckDB's language is PostgreSQL's, but for its own functions.
  return [
    sql({ dialect: PostgreSQL, schema: tables, defaultTable: 'spans', upperCaseKeywords: true }),
    autocompletion(),
  ];
}
