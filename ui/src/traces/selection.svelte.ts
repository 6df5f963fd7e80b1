// What the table of traces shows, as the address has it: mode, text, order, tags beyond those of the frame, bounds and
// a condition written by hand. The frame's own filters and time range hold too.

import { address } from '../frame/address.svelte';
import { view } from '../frame/view.svelte';
import { FILTER_TAGS, quoted, scope } from '../query/expression';
import type { Bounds } from './questions';

export type Mode = 'traces' | 'spans';

/** The tags of the sidebar, by how often one narrows by them; the frame's filters are among them. */
export const FACETS = [
  { tag: 'status', title: 'Status' },
  { tag: 'kind', title: 'Kind' },
  { tag: 'error_type', title: 'Error' },
  { tag: 'model', title: 'Model' },
  { tag: 'provider', title: 'Provider' },
  { tag: 'app', title: 'App' },
  { tag: 'agent', title: 'Agent' },
  { tag: 'team', title: 'Team' },
  { tag: 'env', title: 'Environment' },
  { tag: 'service', title: 'Service' },
  { tag: 'name', title: 'Name' },
  { tag: 'source', title: 'Reported by' },
  { tag: 'client', title: 'Library' },
  { tag: 'finish_reason', title: 'Finish reason' },
  { tag: 'cache', title: 'Cache' },
  { tag: 'session', title: 'Session' },
  { tag: 'user', title: 'User' },
  { tag: 'key_id', title: 'Key' },
] as const;

export type FacetTag = (typeof FACETS)[number]['tag'];

export const FACET_TAGS: readonly FacetTag[] = FACETS.map(({ tag }) => tag);

/** What a facet is called; its own name where it is not one of the sidebar's. */
export function facetTitle(tag: string): string {
  return FACETS.find((facet) => facet.tag === tag)?.title ?? tag;
}

/** The bounds that the table can be narrowed by, with what they are called and measured in. */
export const BOUNDS = [
  { name: 'min_duration_ms', title: 'Latency from', unit: 'ms' },
  { name: 'max_duration_ms', title: 'Latency to', unit: 'ms' },
  { name: 'min_cost_usd', title: 'Cost from', unit: '$' },
  { name: 'min_tokens', title: 'Tokens from', unit: '' },
] as const satisfies readonly { name: keyof Bounds; title: string; unit: string }[];

/** The tags that the table has and the frame has not. */
const OWN_TAGS = FACET_TAGS.filter((tag) => !(FILTER_TAGS as readonly string[]).includes(tag));

export const DEFAULT_SORT = '-start';

class Selection {
  readonly #tags = $derived(JSON.stringify(FACET_TAGS.map((tag) => address.params.getAll(tag))));
  readonly #bounds = $derived(JSON.stringify(BOUNDS.map(({ name }) => address.get(name))));

  readonly mode: Mode = $derived(address.get('mode') === 'spans' ? 'spans' : 'traces');
  readonly text: string = $derived(address.get('q'));
  /** A condition in the query language. */
  readonly written: string = $derived(address.get('filter'));
  readonly sort: string = $derived(address.get('sort') || DEFAULT_SORT);

  /** The chosen values of each tag. */
  readonly tags: Readonly<Record<FacetTag, readonly string[]>> = $derived.by(() => {
    const values = JSON.parse(this.#tags) as string[][];
    return Object.fromEntries(FACET_TAGS.map((tag, i) => [tag, values[i] ?? []])) as unknown as Record<
      FacetTag,
      string[]
    >;
  });

  readonly bounds: Bounds = $derived.by(() => {
    const values = JSON.parse(this.#bounds) as string[];
    const stated = BOUNDS.flatMap(({ name }, i) => {
      const value = values[i] ?? '';
      return /^\d*\.?\d+$/.test(value) ? [[name, value] as const] : [];
    });
    return Object.fromEntries(stated);
  });

  /** Whether the page narrows more than the frame does. */
  readonly isNarrowed: boolean = $derived(
    OWN_TAGS.some((tag) => this.tags[tag].length > 0) ||
      this.text !== '' ||
      this.written !== '' ||
      Object.keys(this.bounds).length > 0,
  );

  /** The condition of everything that is chosen; without one tag for the counts of that tag's values. */
  condition(except?: string): string {
    const frame = (FILTER_TAGS as readonly string[]).includes(except ?? '')
      ? scope(view.filters, except as (typeof FILTER_TAGS)[number])
      : scope(view.filters);
    const own = OWN_TAGS.filter((tag) => tag !== except && this.tags[tag].length > 0).map((tag) =>
      oneOf(tag, this.tags[tag]),
    );
    const written = this.written === '' ? [] : [`(${this.written})`];
    return [frame, ...own, ...written].filter((part) => part !== '').join(' AND ');
  }

  /** What is chosen on this page alone. */
  ownCondition(): string {
    const own = OWN_TAGS.filter((tag) => this.tags[tag].length > 0).map((tag) => oneOf(tag, this.tags[tag]));
    const written = this.written === '' ? [] : [`(${this.written})`];
    return [...own, ...written].join(' AND ');
  }

  setMode(mode: Mode) {
    // The orders of the two tables differ.
    address.set({ mode: mode === 'traces' ? undefined : mode, sort: undefined });
  }

  setSort(sort: string) {
    address.set({ sort: sort === DEFAULT_SORT ? undefined : sort }, 'replace');
  }

  /** Letters of one search are not steps to go back to. */
  setText(text: string) {
    address.set({ q: text }, this.text === '' || text === '' ? 'push' : 'replace');
  }

  setTag(tag: string, values: readonly string[]) {
    address.set({ [tag]: values });
  }

  /** Adds to the condition that is written by hand. */
  require(condition: string) {
    const written = this.written === '' ? condition : `(${this.written}) AND ${condition}`;
    address.set({ filter: written });
  }

  toggle(tag: FacetTag, value: string) {
    const chosen = this.tags[tag];
    this.setTag(tag, chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  }

  clear() {
    const names = [...OWN_TAGS, ...BOUNDS.map(({ name }) => name), 'q', 'filter', 'at'];
    address.set(Object.fromEntries(names.map((name) => [name, undefined])));
  }
}

/** A tag with one of some values, as the query language says it. */
export function oneOf(tag: string, values: readonly string[]): string {
  const [first, ...others] = values.map(quoted);
  if (first === undefined) return '';
  return others.length === 0 ? `${tag}:${first}` : `${tag} IN (${[first, ...others].join(', ')})`;
}

export const selection = new Selection();
