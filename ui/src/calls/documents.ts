// Reads retrieved documents in the shapes that tracing libraries write: a list of texts, or of records with an id, a
// score and a text under one of several names. What is not understood is shown as it is.

import { asArray, asRecord, asText, indented, parseJson, type Json } from './json';

/** One document that was found for a question. */
export interface FoundDocument {
  id: string;
  /** How well it fits, by whoever searched; the scale is theirs. */
  score: number | undefined;
  text: string;
  /** How well it fits by a judge, from 0 to 1; undefined where none said so. */
  judged?: number | undefined;
  /** What else was said about it, as JSON; empty when nothing was. */
  rest: string;
}

const TEXTS = ['text', 'content', 'page_content', 'document.content', 'document'] as const;
const IDS = ['id', 'document_id', 'document.id', 'doc_id', 'name', 'title'] as const;
const SCORES = ['score', 'document.score', 'relevance_score', 'relevance', 'similarity'] as const;

/** The documents in the order of the search. */
export function foundDocuments(documents: string | null): FoundDocument[] {
  if (documents === null || documents === '') return [];
  const value = parseJson(documents);
  if (value === undefined) return [{ id: '', score: undefined, text: documents, rest: '' }];
  const record = asRecord(value);
  const list = asArray(value) ?? asArray(record?.['documents']) ?? [value];
  return list.map(found);
}

function found(value: Json): FoundDocument {
  const outer = asRecord(value);
  if (!outer) return { id: '', score: undefined, text: asText(value) ?? indented(value), rest: '' };
  // MLflow and OpenInference nest the document beside its score.
  const record = { ...outer, ...asRecord(outer['document']) };
  const textName = TEXTS.find((name) => typeof record[name] === 'string');
  const idName = IDS.find((name) => ['string', 'number'].includes(typeof record[name]));
  const scoreName = SCORES.find((name) => typeof record[name] === 'number');
  const used: readonly (string | undefined)[] = [textName, idName, scoreName, 'document'];
  const rest = Object.fromEntries(Object.entries(record).filter(([name]) => !used.includes(name)));
  return {
    id: idName === undefined ? '' : String(record[idName]),
    score: scoreName === undefined ? undefined : (record[scoreName] as number),
    text: textName === undefined ? '' : (asText(record[textName]) ?? ''),
    rest: Object.keys(rest).length === 0 ? '' : indented(rest),
  };
}
