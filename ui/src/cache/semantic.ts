// Answers to questions that mean the same: what each scope has measured, and what follows from it.

import type { components } from '../api/schema';

/** How the cache of questions in other words is doing; counts are since Weir started. */
export type Semantic = components['schemas']['SemanticReport'];

/** Calls whose threshold is measured together. */
export type Scope = components['schemas']['SemanticScopeReport'];

/** What calls a scope is about: `payments, triage, openai/gpt-4o`. */
export function scopeName({ team, agent, provider, model }: Scope): string {
  return [team, agent, `${provider}/${model}`].filter((part) => part).join(', ');
}

/** What a scope does now, in words, and why. */
export function standing(scope: Scope, { is_enforcing }: Semantic): { name: string; why: string } {
  if (scope.threshold == null) return { name: 'measures', why: 'too few checks for a threshold yet' };
  const why = scope.is_fixed ? 'threshold set by the operator' : 'threshold measured';
  return { name: is_enforcing ? 'answers' : 'observes', why };
}

/** Whether as many false hits as there may be are more than the operator accepts. */
export function isBeyond(scope: Scope, { false_hits_max }: Semantic): boolean {
  return scope.threshold != null && (scope.false_hit_rate_bound ?? 0) > false_hits_max;
}
