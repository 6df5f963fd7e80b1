// Reads why a judge said what it said. Weir's own judges write a JSON object with a summary and what it is about; others
// write a text. Rationales are stored content: anything may be missing or odd, and nothing here throws.

import { asArray, asRecord, asText, parseJson, type Json } from './json';

/** What the sources say about a claim. */
export type Verdict = 'supported' | 'not_supported' | 'contradicted';

/** Where a verdict comes from. */
export interface Evidence {
  /** The place of the document among those that were retrieved, from 0. */
  document: number | undefined;
  /** The words of the document; empty where the judge gave none. */
  quote: string;
}

/** One thing that an answer says. */
export interface Claim {
  text: string;
  verdict: Verdict;
  /** Where it stands in the answer, in bytes of UTF-8; undefined where the judge did not say. */
  bytes: readonly [start: number, end: number] | undefined;
  evidence: readonly Evidence[];
}

/** A rule that matched in what went into a call or came out. */
export interface Match {
  pack: string;
  rule: string;
  category: string;
  /** How much the rule says by itself, from 0 to 1. */
  weight: number | undefined;
  /** `input`, `instructions`, `documents`, `tools` or `output`. */
  place: string;
  /** JSON pointer to the string within that part; empty where the part is plain text. */
  path: string;
  bytes: readonly [start: number, end: number] | undefined;
  /** What matched, shortened. */
  text: string;
  /** How it was hidden: `base64`, `confusables`, …; empty where it stood there openly. */
  via: string;
}

/** Secrets or personal data of one kind at one place. */
export interface Found {
  class: string;
  kind: string;
  place: string;
  count: number;
}

/** Why a judge said what it said. */
export interface Reason {
  /** In a sentence; the whole text of a judge that writes no JSON. */
  summary: string;
  /** Whether this is a local estimate and no model's judgement. */
  isEstimate: boolean;
  claims: readonly Claim[];
  matches: readonly Match[];
  /** How well documents fit, by their place among those that were retrieved. */
  relevance: ReadonlyMap<number, number>;
  found: readonly Found[];
  /** Expectations of a probe that did not hold. */
  failed: readonly string[];
}

const NOTHING: Reason = {
  summary: '',
  isEstimate: false,
  claims: [],
  matches: [],
  relevance: new Map(),
  found: [],
  failed: [],
};

const KNOWN = ['summary', 'claims', 'matches', 'documents', 'found', 'failed'];

export function reasonOf(rationale: string | null): Reason {
  if (rationale === null || rationale === '') return NOTHING;
  const record = asRecord(parseJson(rationale));
  if (!record) return { ...NOTHING, summary: rationale };
  // JSON that says nothing known is still what the judge wrote.
  if (!KNOWN.some((name) => name in record)) return { ...NOTHING, summary: rationale };
  return {
    summary: asText(record['summary']) ?? '',
    isEstimate: record['estimate'] === true,
    claims: list(record['claims'], claim),
    matches: matchesOf(record['matches']),
    relevance: new Map(list(record['documents'], relevance)),
    found: foundOf(record['found']),
    failed: list(record['failed'], asText),
  };
}

/** What rules matched, as the attribute of a span and a rationale have it. */
export function matchesOf(value: Json): Match[] {
  return list(value, match);
}

/** What was found of secrets and personal data, likewise. */
export function foundOf(value: Json): Found[] {
  return list(value, (one) => {
    const record = asRecord(one);
    const kind = asText(record?.['kind']);
    if (record === undefined || kind === undefined) return undefined;
    const count = number(record['count']) ?? 1;
    return { class: asText(record['class']) ?? '', kind, place: asText(record['place']) ?? '', count };
  });
}

function claim(value: Json): Claim | undefined {
  const record = asRecord(value);
  const text = asText(record?.['text']);
  if (record === undefined || text === undefined) return undefined;
  return {
    text,
    verdict: verdict(record['verdict']),
    bytes: bytes(record),
    evidence: list(record['evidence'], evidence),
  };
}

/** What no one vouches for counts as not supported. */
function verdict(value: Json): Verdict {
  return value === 'supported' || value === 'contradicted' ? value : 'not_supported';
}

function evidence(value: Json): Evidence | undefined {
  const record = asRecord(value);
  if (!record) return undefined;
  return { document: number(record['document']), quote: asText(record['quote']) ?? '' };
}

function match(value: Json): Match | undefined {
  const record = asRecord(value);
  const rule = asText(record?.['rule']);
  if (record === undefined || rule === undefined) return undefined;
  const said = (name: string) => asText(record[name]) ?? '';
  return {
    pack: said('pack'),
    rule,
    category: said('category'),
    weight: number(record['weight']),
    place: said('place'),
    path: said('path'),
    bytes: bytes(record),
    text: said('text'),
    via: said('via'),
  };
}

function relevance(value: Json): readonly [document: number, score: number] | undefined {
  const record = asRecord(value);
  const document = number(record?.['document']);
  const score = number(record?.['score']);
  return document === undefined || score === undefined ? undefined : [document, score];
}

function bytes(record: Record<string, Json>): readonly [number, number] | undefined {
  const start = number(record['start']);
  const end = number(record['end']);
  return start === undefined || end === undefined || start < 0 || end <= start ? undefined : [start, end];
}

function number(value: Json): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function list<T>(value: Json, read: (one: Json) => T | undefined): T[] {
  return (asArray(value) ?? []).map(read).filter((one) => one !== undefined);
}
