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

/** The documents of a trace's retrievals in the order of their starts, each with how well a judge says that it fits. */
export function retrievedIn({ spans, scores }: WholeTrace): FoundDocument[] {
  const retrievals = spans.filter(({ kind, documents }) => kind === 'retrieval' && documents !== null);
  return retrievals.flatMap(({ span_id: spanId, documents }: Span) => {
    const { relevance } = reasonOf(
      scores.findLast(({ name, span_id }) => name === RELEVANCE && span_id === spanId)?.rationale ?? null,
    );
    return foundDocuments(documents).map((document, i) => ({ ...document, judged: relevance.get(i) }));
  });
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
