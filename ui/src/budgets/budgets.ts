// Budgets as the screen shows them: amounts in words, how far they are, and asking the API.

import { ask, tell } from '../api/client';
import type { components } from '../api/schema';
import { exactText, plain, share } from '../format/quantity';
import type { Snippet } from '../setup/snippets';

type Schemas = components['schemas'];

export type Budget = Schemas['BudgetItem'];

/** An entry with the keys of `[[budgets]]`. */
export interface Entry {
  scope?: Readonly<Record<string, string>>;
  period?: string;
  timezone?: string;
  amount_usd?: number;
  amount_tokens?: number;
  warn_at?: readonly number[];
  shutoff_at?: number;
  on_shutoff?: string | { cheaper_model: string };
  mode?: string;
}

/** All budgets and rate limits, in the order of their definitions. */
export async function budgets(signal: AbortSignal): Promise<Budget[]> {
  return (await ask<Schemas['BudgetList']>('/api/budgets', {}, signal)).budgets;
}

const path = (name: string) => `/api/budgets/${encodeURIComponent(name)}`;

/** Makes a budget, or puts another in its place. */
export function save(name: string, entry: Entry, by: string, signal: AbortSignal): Promise<void> {
  return tell('PUT', path(name), { entry, ...(by && { by }) }, signal);
}

/** Ends a budget that was made here. */
export function remove(name: string, by: string, signal: AbortSignal): Promise<void> {
  return tell('DELETE', by ? `${path(name)}?by=${encodeURIComponent(by)}` : path(name), undefined, signal);
}

/** An amount of a budget's measure: `$12.50`, `1.2 M tokens`, `3 calls`. */
export function amount({ measure }: Pick<Budget, 'measure'>, value: number): string {
  if (measure === 'usd') return exactText(value, 'usd');
  return `${plain(value)} ${measure === 'tokens' ? 'tokens' : value === 1 ? 'call' : 'calls'}`;
}

const PERIODS: Readonly<Record<string, string>> = {
  at_once: 'at once',
  minute: 'a minute',
  hour: 'an hour',
  day: 'a day',
  week: 'a week',
  month: 'a month',
};

/** What a budget plans: `$200.00 a day`. */
export function plan(budget: Budget): string {
  return `${amount(budget, budget.amount)} ${PERIODS[budget.period] ?? budget.period}`;
}

/** How bad it is: `bad` when nothing more fits, `warn` when people were told, and otherwise nothing. */
export function tone(budget: Budget): 'bad' | 'warn' | undefined {
  if (budget.is_exhausted) return 'bad';
  const first = budget.warn_at[0];
  return first !== undefined && budget.used >= first ? 'warn' : undefined;
}

/** What happens when nothing more fits, in words. */
export function consequence({ mode, on_shutoff, cheaper_model }: Budget): string {
  const what = {
    reject: 'calls are refused',
    cache_only: 'only the cache answers',
    cheaper_model: `calls go to ${cheaper_model ?? 'a cheaper model'}`,
  }[on_shutoff];
  return mode === 'enforce' ? (what ?? on_shutoff) : `only told: ${what ?? on_shutoff}`;
}

/** The parts of the bar, as shares of its length: the limit, or what is projected where that is more. */
export function bar(budget: Budget) {
  const used = budget.settled + budget.others;
  const projected = budget.outlook?.projected ?? 0;
  const whole = Math.max(budget.limit, projected, used + budget.reserved) || 1;
  return {
    used: used / whole,
    reserved: budget.reserved / whole,
    plan: budget.amount / whole,
    limit: budget.limit / whole,
    projected: budget.outlook && projected / whole,
  };
}

/** The bar in words, for those who do not see it. */
export function barText(budget: Budget): string {
  const used = `${amount(budget, budget.settled + budget.others)} of ${amount(budget, budget.amount)} used, ${share(budget.used)}`;
  return budget.reserved > 0 ? `${used}; ${amount(budget, budget.reserved)} reserved` : used;
}

/** How a budget is defined in a file, for a list that has none. */
export function definition(): Snippet[] {
  return [
    {
      key: 'toml',
      title: 'weir.toml',
      code: `[[budgets]]
scope      = { team = "payments" }   # any of team, app, agent, user, key, model, provider; { user = "*" } for each
period     = "day"                   # hour, day, week, month
timezone   = "Europe/Berlin"
amount_usd = 200.0
warn_at    = [0.8, 1.0]
shutoff_at = 1.5
on_shutoff = "reject"                # cache_only, or { cheaper_model = "gpt-4o-mini" }`,
    },
  ];
}
