// The address bar as reactive state: the one place that reads and writes it.
// Everything that defines a view lives there, so that any view can be shared, reloaded and gone back to.

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
   * Changes parameters; undefined and empty remove one. `push` makes a step to go back to; `replace` does not, for
   * changes that nobody would want to undo one by one.
   */
  set(
    changes: Readonly<Record<string, string | readonly string[] | undefined>>,
    how: 'push' | 'replace' = 'push',
  ) {
    const params = new URLSearchParams(this.params);
    for (const [name, value] of Object.entries(changes)) {
      params.delete(name);
      for (const one of typeof value === 'string' ? [value] : (value ?? [])) {
        if (one !== '') params.append(name, one);
      }
    }
    const search = readable(params);
    if (search === readable(this.params)) return;
    const url = `${this.path}${search === '' ? '' : `?${search}`}${window.location.hash}`;
    if (how === 'push') window.history.pushState(null, '', url);
    else window.history.replaceState(null, '', url);
    this.params = params;
  }

  /** Goes to another page, keeping range and filters. */
  visit(path: string) {
    window.history.pushState(null, '', `${path}${window.location.search}`);
    this.#read();
  }

  #read() {
    this.path = window.location.pathname;
    this.params = new URLSearchParams(window.location.search);
  }
}

/** Parameters as text, without escapes that an address does not need, so that people can read and edit it. */
function readable(params: URLSearchParams): string {
  return params.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
}

export const address = new Address();
