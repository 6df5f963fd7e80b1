// What guards and judges found in one call, and where it stands in the texts that the page shows.

import type { Span } from '../api/types';
import type { FoundDocument } from './documents';
import { asArray, asRecord, asText, parseJson, type Json } from './json';
import { placeOf, unitsOf, type Mark } from './marks';
import { outputMessages, pretty } from './messages';
import { FAITHFULNESS, INJECTION, PII_FOUND, SECRET_FOUND, VIOLATION } from './names';
import { foundOf, matchesOf, reasonOf, type Claim, type Found, type Match } from './reason';

/** A judgement, as far as it is looked at here. */
export interface Judgement {
  name: string;
  value: number | null;
  rationale: string | null;
}

/** A match with the text that it is in. */
export interface Located {
  match: Match;
  key: string;
  /** The whole text as it was stored; undefined where it was not kept. */
  text: string | undefined;
  /** Where in that text, in code units. */
  units: readonly [start: number, end: number] | undefined;
}

/** What guards found in a call. */
export interface Findings {
  /** The score of each pack that looked at it. */
  packs: readonly { pack: string; score: number }[];
  matches: readonly Located[];
  /** What the guard did about it. */
  decisions: readonly { action: string; detail: string }[];
  found: readonly Found[];
  /** What became of secrets and personal data: `redacted`, `flagged`, …; empty where nothing was found. */
  mode: string;
  /** What the agent did that it may not. */
  violations: readonly string[];
}

/** What guards found, from the attributes of the span and from scores about it; a match that both have is one. */
export function findingsOf(call: Span, scores: readonly Judgement[]): Findings {
  const attributes = asRecord(parseJson(call.attributes ?? ''));
  const guard = nested(attributes?.['weir.guard']);
  const sensitive = nested(attributes?.['weir.sensitive']);
  const judged = scores.filter(({ name }) => name === INJECTION).map(({ rationale }) => reasonOf(rationale));
  const matches = new Map<string, Match>();
  for (const one of [...matchesOf(guard?.['matches']), ...judged.flatMap((reason) => reason.matches)]) {
    matches.set([one.pack, one.rule, one.place, one.path, one.bytes?.join('-') ?? one.text].join(' '), one);
  }
  const leaks = scores.filter(({ name }) => name === SECRET_FOUND || name === PII_FOUND);
  const found = foundOf(sensitive?.['found']);
  return {
    packs: ['seed', 'strong', 'classifier'].flatMap((pack) => {
      const score = guard?.[pack];
      return typeof score === 'number' ? [{ pack, score }] : [];
    }),
    matches: [...matches.values()].map((match, i) => located(call, match, `match-${i}`)),
    decisions: call.policy
      .filter(({ policy }) => policy === 'guard')
      .map(({ action, detail }) => ({ action, detail: detail ?? '' })),
    found: found.length > 0 ? found : leaks.flatMap(({ rationale }) => reasonOf(rationale).found),
    mode: asText(sensitive?.['mode']) ?? '',
    violations: scores
      .filter(({ name, value }) => name === VIOLATION && value !== 0)
      .map(({ rationale }) => reasonOf(rationale).summary),
  };
}

/** Whether there is anything to show. */
export function hasFindings({ matches, decisions, found, violations }: Findings): boolean {
  return [matches, decisions, found, violations].some((all: readonly unknown[]) => all.length > 0);
}

/** The marks of matches in a text that the page shows: the stored one, or the same JSON with line breaks. */
export function matchMarks(matches: readonly Located[], shown: string): Mark[] {
  return matches.flatMap(({ match, key, text, units }) => {
    if (text === undefined) return [];
    const title = `${match.rule}${match.via === '' ? '' : `, hidden by ${match.via.replaceAll('_', ' ')}`}`;
    if (text === shown && units) return [{ start: units[0], end: units[1], key, tone: 'match', title }];
    // Pretty JSON has other places than the stored text, but the same words.
    const excerpt = units ? text.slice(...units) : match.text;
    const place = text === shown || pretty(text) === shown ? placeOf(excerpt, shown) : undefined;
    return place ? [{ start: place[0], end: place[1], key, tone: 'match', title }] : [];
  });
}

/** A match with the text that it is in, and its place there. */
export function located(
  call: Pick<Span, 'input' | 'output' | 'documents' | 'tools'>,
  match: Match,
  key: string,
): Located {
  const fields = {
    output: [call.output],
    documents: [call.documents, call.input],
    tools: [call.input, call.tools, call.output],
  }[match.place] ?? [call.input];
  const text = fields.map((field) => textAt(field, match.path)).find((one) => one !== undefined);
  if (text === undefined) return { match, key, text, units: undefined };
  const [start = 0, end = 0] = match.bytes ? unitsOf(text, match.bytes) : (placeOf(match.text, text) ?? []);
  return { match, key, text, units: end > start ? [start, end] : undefined };
}

/** The string that a JSON pointer (RFC 6901) leads to in a stored field; the field itself where it is plain text. */
export function textAt(field: string | null, path: string): string | undefined {
  if (field === null) return undefined;
  let value = parseJson(field);
  if (path === '') return value === undefined ? field : asText(value);
  for (const step of path.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    value = asArray(value)?.[Number(name)] ?? asRecord(value)?.[name];
  }
  return asText(value);
}

/** An answer beside its claims. */
export interface JudgedAnswer {
  summary: string;
  isEstimate: boolean;
  value: number | null;
  claims: readonly (Claim & { key: string })[];
  /** What the model said, as its texts. */
  answer: string;
  answerMarks: readonly Mark[];
  /** The documents, with what is quoted of them. */
  documents: readonly { document: FoundDocument; marks: readonly Mark[]; judged: number | undefined }[];
}

/** The claims of an answer and where they stand in it and in the documents; undefined where no judge looked for claims. */
export function judgedAnswer(
  output: string | null,
  documents: readonly FoundDocument[],
  scores: readonly Judgement[],
  relevance: ReadonlyMap<number, number>,
): JudgedAnswer | undefined {
  const judged = scores
    .filter(({ name }) => name === FAITHFULNESS)
    .map((score) => ({ value: score.value, reason: reasonOf(score.rationale) }))
    .findLast(({ reason }) => reason.claims.length > 0);
  if (!judged) return undefined;
  const claims = judged.reason.claims.map((claim, i) => ({ ...claim, key: `claim-${i}` }));
  const answer = answerText(output);
  return {
    summary: judged.reason.summary,
    isEstimate: judged.reason.isEstimate,
    value: judged.value,
    claims,
    answer,
    answerMarks: claims.flatMap((claim) => {
      const place = sentence(claim, answer);
      if (!place) return [];
      const title = VERDICTS[claim.verdict].title;
      return [{ start: place[0], end: place[1], key: claim.key, tone: claim.verdict, title }];
    }),
    documents: documents.map((document, i) => ({
      document,
      marks: claims.flatMap((claim) => quotes(claim, i, documents)),
      judged: document.judged ?? relevance.get(i),
    })),
  };
}

/** What verdicts look like: never by colour alone. */
export const VERDICTS = {
  supported: { icon: '✓', title: 'Supported' },
  not_supported: { icon: '?', title: 'Not supported' },
  contradicted: { icon: '✕', title: 'Contradicted' },
} as const;

/** What was judged as the answer: the last message that says something, its texts below each other. */
export function answerText(output: string | null): string {
  const texts = outputMessages(output).map(({ parts }) =>
    parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('\n'),
  );
  return texts.findLast((text) => text !== '') ?? '';
}

/** Where a claim stands in the answer; by its words where the judge gave no place, or one that is not there. */
function sentence({ bytes, text }: Claim, answer: string): readonly [number, number] | undefined {
  if (bytes) {
    const [start = 0, end = 0] = unitsOf(answer, bytes);
    if (end > start) return [start, end];
  }
  return placeOf(text, answer);
}

function quotes(claim: Claim & { key: string }, at: number, documents: readonly FoundDocument[]): Mark[] {
  return claim.evidence.flatMap(({ document, quote }) => {
    if (quoted(document, quote, documents) !== at) return [];
    const place = placeOf(quote, documents[at]?.text ?? '');
    const title = VERDICTS[claim.verdict].title;
    return place ? [{ start: place[0], end: place[1], key: claim.key, tone: claim.verdict, title }] : [];
  });
}

/** Which document a quote is from: the one that the judge named if it says so, or the first that does. */
export function quoted(
  named: number | undefined,
  quote: string,
  documents: readonly FoundDocument[],
): number | undefined {
  const has = ({ text }: FoundDocument) => placeOf(quote, text) !== undefined;
  const isThere = named !== undefined && documents[named] !== undefined;
  if (isThere && (quote === '' || has(documents[named] as FoundDocument))) return named;
  const first = quote === '' ? -1 : documents.findIndex(has);
  if (first >= 0) return first;
  return isThere ? named : undefined;
}

/** An attribute that is an object, or the text of one: OpenTelemetry's attributes have no objects. */
function nested(value: Json): Record<string, Json> | undefined {
  return asRecord(typeof value === 'string' ? parseJson(value) : value);
}
