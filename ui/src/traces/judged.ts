// Where in a trace a judgement is: what links of alerts and of tables of judgements lead to.

import type { Span } from '../api/types';
import { FAITHFULNESS, INJECTION, RELEVANCE } from '../calls/names';
import { foundDocuments, type FoundDocument } from '../calls/documents';
import { reasonOf } from '../calls/reason';
import type { Score, WholeTrace } from './questions';

/** A judgement and the span that it is about. */
export interface Point {
  spanId: string;
  name: string;
}

/** Scores where less is worse. What is not known to be such is a finding: more is worse. */
const LESS_IS_WORSE = [FAITHFULNESS, RELEVANCE];

/**
 * The worst judgement of a name; without a name the worst that says where something is wrong. Undefined where no
 * judgement of a span is meant, so that the trace opens at its root.
 */
export function pointOf({ scores }: Pick<WholeTrace, 'scores'>, name: string): Point | undefined {
  const candidates = scores.filter(
    (score) => score.span_id !== null && (name === '' ? isMarked(score) : score.name === name),
  );
  const worst = candidates.reduce<Score | undefined>(
    (best, one) => (best && badness(best) >= badness(one) ? best : one),
    undefined,
  );
  return worst?.span_id == null ? undefined : { spanId: worst.span_id, name: worst.name };
}

/**
 * The documents that a call could draw on, each with how well a judge says that it fits: those that were found before it
 * began, in the order of the searches. Where a reranker chose among them, only what it kept. Judges number them alike.
 */
export function retrievedFor(call: Span, { spans, scores }: WholeTrace): FoundDocument[] {
  const before = (kind: string) =>
    spans.filter((span) => span.kind === kind && span.start_ms <= call.start_ms && span.documents !== null);
  const reranked = before('rerank').flatMap((span) => judgedDocuments(span, scores));
  const found =
    reranked.length > 0 ? reranked : before('retrieval').flatMap((span) => judgedDocuments(span, scores));
  return found.filter(({ text }) => text !== '');
}

function judgedDocuments(span: Span, scores: readonly Score[]): FoundDocument[] {
  const { relevance } = reasonOf(
    scores.findLast(({ name, span_id }) => name === RELEVANCE && span_id === span.span_id)?.rationale ?? null,
  );
  return foundDocuments(span.documents).map((document, i) => ({ ...document, judged: relevance.get(i) }));
}

/** Whether its rationale marks something that is wrong. */
function isMarked({ name, rationale }: Score): boolean {
  if (name !== FAITHFULNESS && name !== INJECTION) return false;
  const { claims, matches } = reasonOf(rationale);
  return matches.length > 0 || claims.some(({ verdict }) => verdict !== 'supported');
}

function badness({ name, value }: Score): number {
  return (LESS_IS_WORSE.includes(name) ? -1 : 1) * (value ?? 0);
}
