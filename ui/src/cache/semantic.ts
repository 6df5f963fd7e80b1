// Answers to questions that mean the same: what each scope has measured, and what follows from it.

/** How the cache of questions in other words is doing; counts are since Weir started. */
export interface Semantic {
  /** Whether it answers in scopes that have a threshold; otherwise hits are only noted. */
  is_enforcing: boolean;
  embedding_model: string;
  entries: number;
  hits: number;
  would_hit: number;
  guarded: number;
  checks: number;
  false_hits: number;
  /** The share of false hits that the operator accepts. */
  false_hits_max: number;
  saved_usd: number;
  /** Those with most checks first. */
  scopes: readonly Scope[];
  scope_count: number;
}

/** Calls whose threshold is measured together. */
export interface Scope {
  team?: string | null;
  agent?: string | null;
  provider: string;
  model: string;
  /** The similarity from which on calls are answered; absent until there is evidence for one. */
  threshold?: number | null;
  /** Whether the operator has set the threshold. */
  is_fixed: boolean;
  hits: number;
  would_hit: number;
  /** Would-be hits whose answer was compared with the provider's. */
  checks: number;
  false_hits: number;
  false_hit_rate?: number | null;
  /** What the rate is at most, with 95 % confidence. */
  false_hit_rate_bound?: number | null;
}

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
