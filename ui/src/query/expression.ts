// Builds texts of Weir's expression language from the filters of the page.
// Values are quoted wherever the language could read them as something else.

/**
 * The tags that the page filters by. Stored minute cells carry all of them but the key, so filtering stays fast; a key is
 * looked for in the calls themselves.
 */
export const FILTER_TAGS = ['team', 'app', 'agent', 'model', 'provider', 'env', 'key_id'] as const;

export type FilterTag = (typeof FILTER_TAGS)[number];

/** The chosen values of each tag; none chosen means any. */
export type Filters = Readonly<Record<FilterTag, readonly string[]>>;

export const NO_FILTERS: Filters = {
  team: [],
  app: [],
  agent: [],
  model: [],
  provider: [],
  env: [],
  key_id: [],
};

/** The kinds of spans that are calls to a model: what `llm.request.count` counts. */
export const CALL_KINDS = ['llm', 'embedding', 'rerank'] as const;

/** A value as the language writes it: bare where it may be, in double quotes otherwise. */
export function quoted(value: string): string {
  const bare = /^[\p{L}\p{N}_][\p{L}\p{N}_.\-/:@]*$/u.test(value) && !/^(and|or|not|in)$/i.test(value);
  return bare ? value : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The filters as a scope, without braces; empty when nothing is filtered. */
export function scope(filters: Filters, except?: FilterTag): string {
  return FILTER_TAGS.filter((tag) => tag !== except && filters[tag].length > 0)
    .map((tag) => condition(tag, filters[tag]))
    .join(' AND ');
}

/** The scope of the calls behind the charts; without one tag for a menu of that tag's values. */
export function callScope(filters: Filters, except?: FilterTag): string {
  const parts = [condition('kind', CALL_KINDS), scope(filters, except)];
  return parts.filter((part) => part !== '').join(' AND ');
}

/** One aggregated metric under the filters: `sum(llm.cost.usd) by model where {team:payments}`. */
export function aggregate(func: string, metric: string, filters: Filters, by?: string): string {
  const grouped = by === undefined ? '' : ` by ${by}`;
  const within = scope(filters);
  return `${func}(${metric})${grouped}${within === '' ? '' : ` where {${within}}`}`;
}

/** The greatest groups only. */
export function top(count: number, expression: string): string {
  return `top(${count}, ${expression})`;
}

/** A metric that any span or none may carry, narrowed further: `avg(x) by app where {team:a AND index:b}`. */
export function measured(expression: string, filters: Filters): string {
  const within = scope(filters);
  return within === '' ? expression : `${expression} where {${within}}`;
}

function condition(tag: string, values: readonly string[]): string {
  const [first, ...others] = values.map(quoted);
  if (first === undefined) return '';
  return others.length === 0 ? `${tag}:${first}` : `${tag} IN (${[first, ...others].join(', ')})`;
}
