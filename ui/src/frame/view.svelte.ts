// What the page is looking at: time range, filters, the open call and the picked moment, all derived from the
// address; and the present, which moves on with every refresh.

import { isBusy } from '../api/client';
import { FILTER_TAGS, type FilterTag, type Filters } from '../query/expression';
import {
  DEFAULT_FROM,
  DEFAULT_TO,
  isLive,
  lastRange,
  DEFAULT_RANGE,
  parseRange,
  resolve,
  earlierThan,
  stepFor,
  type Comparison,
  type Interval,
  type TimeRange,
} from '../time/range';
import { address } from './address.svelte';
import { server } from './server.svelte';

/** How often the page may refresh itself, by the name in the address. */
export const REFRESH_MS = { off: 0, '5s': 5_000, '15s': 15_000, '1m': 60_000 } as const;

export type Refresh = keyof typeof REFRESH_MS;

/** What charts can show beside the range: nothing, or the time before as dashed lines. */
export const COMPARED = { off: 'No comparison', previous: 'Previous period', week: 'Week before' } as const;

export type Compare = keyof typeof COMPARED;

const DEFAULT_REFRESH: Refresh = '15s';

/** A call by its ids. */
export interface CallRef {
  traceId: string;
  spanId: string;
}

/** The time by Weir's clock, so that a viewer's wrong clock does not hide the last minutes. */
function present(): number {
  return Date.now() + server.skewMs;
}

class View {
  /** The present, as of the last refresh. */
  nowMs = $state(present());

  // Derived texts come first: a change of one parameter must not make the others look new and load again.
  readonly #from = $derived(address.get('from') || DEFAULT_FROM);
  readonly #to = $derived(address.get('to') || DEFAULT_TO);
  readonly #filters = $derived(JSON.stringify(FILTER_TAGS.map((tag) => address.params.getAll(tag))));
  readonly #call = $derived(address.get('call'));
  readonly #at = $derived(address.get('at'));

  /** The range asked for; the default where the address makes no sense. */
  readonly range: TimeRange = $derived(parseRange(this.#from, this.#to, this.nowMs) ?? DEFAULT_RANGE);

  readonly interval: Interval = $derived(resolve(this.range, this.nowMs));

  /** Whether refreshing can show something new. */
  readonly isLive: boolean = $derived(isLive(this.range));

  readonly stepMs: number = $derived(stepFor(this.interval));

  readonly filters: Filters = $derived.by(() => {
    const values = JSON.parse(this.#filters) as string[][];
    return Object.fromEntries(FILTER_TAGS.map((tag, i) => [tag, values[i] ?? []])) as unknown as Filters;
  });

  readonly isFiltered: boolean = $derived(FILTER_TAGS.some((tag) => this.filters[tag].length > 0));

  readonly refresh: Refresh = $derived.by(() => {
    const asked = address.get('refresh');
    return asked in REFRESH_MS ? (asked as Refresh) : DEFAULT_REFRESH;
  });

  readonly compare: Compare = $derived.by(() => {
    const asked = address.get('compare');
    return asked === 'previous' || asked === 'week' ? asked : 'off';
  });

  /** What numbers are compared with; they always say how they changed, whether or not charts show the time before. */
  readonly comparison: Comparison = $derived(this.compare === 'week' ? 'week' : 'previous');

  readonly earlier: Interval = $derived(earlierThan(this.interval, this.comparison));

  /** The call whose panel is open. */
  readonly call: CallRef | undefined = $derived.by(() => {
    const match = /^([0-9a-f]{32})\/([0-9a-f]{16})$/.exec(this.#call);
    return match?.[1] && match[2] ? { traceId: match[1], spanId: match[2] } : undefined;
  });

  /** The moment on a chart to which the list of calls is narrowed. */
  readonly picked: Interval | undefined = $derived.by(() => {
    const match = /^(\d+)-(\d+)$/.exec(this.#at);
    return match ? { fromMs: Number(match[1]), toMs: Number(match[2]) } : undefined;
  });

  showLast(length: string) {
    this.#showRange(lastRange(length));
  }

  showInterval({ fromMs, toMs }: Interval) {
    this.#showRange({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
  }

  /** Both ends as the viewer wrote them; they must have been checked. */
  showWritten(from: string, to: string) {
    this.#showRange({ from, to });
  }

  setFilter(tag: FilterTag, values: readonly string[]) {
    address.set({ [tag]: values });
  }

  clearFilters() {
    address.set(Object.fromEntries(FILTER_TAGS.map((tag) => [tag, undefined])));
  }

  setRefresh(refresh: Refresh) {
    address.set({ refresh: refresh === DEFAULT_REFRESH ? undefined : refresh }, 'replace');
  }

  setCompare(compare: Compare) {
    address.set({ compare: compare === 'off' ? undefined : compare }, 'replace');
  }

  openCall(call: CallRef | undefined) {
    const opened = this.call === undefined && call !== undefined;
    address.set({ call: call && `${call.traceId}/${call.spanId}` }, opened ? 'push' : 'replace');
  }

  pick(interval: Interval | undefined) {
    address.set({ at: interval && `${interval.fromMs}-${interval.toMs}` });
  }

  /** Moves the present on: everything that depends on it loads again. */
  refreshNow() {
    this.nowMs = present();
  }

  /** Refreshes by itself while the page is visible and its range moves with time. Call while a component initialises. */
  keepFresh() {
    $effect(() => {
      const everyMs = REFRESH_MS[this.refresh];
      if (everyMs === 0 || !this.isLive) return;
      const tick = () => {
        // A slow answer is waited for: refreshing over it would abort it again and again.
        if (!document.hidden && !isBusy()) this.refreshNow();
      };
      const timer = setInterval(tick, everyMs);
      document.addEventListener('visibilitychange', tick);
      return () => {
        clearInterval(timer);
        document.removeEventListener('visibilitychange', tick);
      };
    });
  }

  #showRange(range: { from: string; to: string }) {
    this.nowMs = present();
    address.set({ ...range, at: undefined });
  }
}

export const view = new View();
