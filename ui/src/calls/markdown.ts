// Reads Markdown into tokens that components draw. Nothing is turned into HTML text on the way: what a model wrote can
// name elements, scripts or handlers, and all of it is shown as the text that it is.

import type { MarkedToken, Token } from 'marked';

/** A piece of a document, as marked names them. */
export type MarkdownToken = MarkedToken;

type Lexer = (text: string) => readonly MarkdownToken[];

/** Longer texts take noticeable time to read, and nobody formats a whole file as Markdown in a message. */
export const MARKDOWN_CHARS_MAX = 200_000;

let lexer: Lexer | undefined;

/** The reader once it is there; it is loaded when the first message is shown. */
export async function loadLexer(): Promise<Lexer> {
  if (lexer) return lexer;
  const { Marked } = await import('marked');
  const marked = new Marked({ gfm: true, breaks: true });
  lexer = (text) => known(marked.lexer(text));
  return lexer;
}

/** The reader if it was loaded before: then the first drawing is the formatted one. */
export function readyLexer(): Lexer | undefined {
  return lexer;
}

/** Tokens of marked itself; it has no others, as no extension is added. */
export function known(tokens: readonly Token[] | undefined): readonly MarkdownToken[] {
  return (tokens ?? []) as readonly MarkdownToken[];
}

/** An address that a link may lead to; undefined for scripts, data and anything else that does more than open a page. */
export function safeAddress(href: string): string | undefined {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a text is whole JSON with members, which reads better indented than as prose. */
export function isJson(text: string): boolean {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed) || !/[\]}]$/.test(trimmed)) return false;
  try {
    return typeof JSON.parse(trimmed) === 'object';
  } catch {
    return false;
  }
}
