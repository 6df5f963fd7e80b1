// The address bar as reactive state: the one place that reads and writes it.
// Everything that defines a view lives there, so that any view can be shared, reloaded and gone back to.

import { FILTER_TAGS } from '../query/expression';

/** What stays when one goes to another page: the same time and the same filters. */
const SHARED: readonly string[] = ['from', 'to', 'refresh', 'compare', ...FILTER_TAGS];

/** Changes of parameters by name; undefined and empty remove one. */
export type Changes = Readonly<Record<string, string | readonly string[] | undefined>>;

class Address {
  path = $state(window.location.pathname);
  params = $state.raw(new URLSearchParams(window.location.search));

  constructor() {
    window.addEventListener('popstate', () => this.#read());
  }

  /** One parameter; the empty text when absent. */
  get(name: string): string {
    return this.params.get(name) ?? '';
  }

  /**
   * Changes parameters. `push` makes a step to go back to; `replace` does not, for changes that nobody would want to
   * undo one by one.
   */
  set(changes: Changes, how: 'push' | 'replace' = 'push') {
    const params = changed(this.params, changes);
    const search = readable(params);
    if (search === readable(this.params)) return;
    const url = `${this.path}${search === '' ? '' : `?${search}`}${window.location.hash}`;
    if (how === 'push') window.history.pushState(null, '', url);
    else window.history.replaceState(null, '', url);
    this.params = params;
  }

  /** The address of a page with the present range and filters, but for the changes. */
  href(path: string, changes: Changes = {}): string {
    const kept = [...this.params].filter(([name]) => SHARED.includes(name));
    const search = readable(changed(new URLSearchParams(kept), changes));
    return `${path}${search === '' ? '' : `?${search}`}`;
  }

  /** Goes to another page, keeping range and filters, but for the changes. */
  visit(path: string, changes: Changes = {}) {
    this.go(this.href(path, changes));
  }

  /** Goes to an address of the app, as `href` makes it. */
  go(href: string) {
    window.history.pushState(null, '', href);
    this.#read();
  }

  #read() {
    this.path = window.location.pathname;
    this.params = new URLSearchParams(window.location.search);
  }
}

function changed(before: URLSearchParams, changes: Changes): URLSearchParams {
  const params = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) {
      if (one !== '') params.append(name, one);
    }
  }
  return params;
}

/** Parameters as text, without escapes that an address does not need, so that people can read and edit it. */
function readable(params: URLSearchParams): string {
  return params.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
}

export const address = new Address();
