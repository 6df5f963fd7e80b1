// The name that the viewer gave: who acknowledged, silenced, changed. Weir has no accounts; the name stays in this browser.

const STORAGE_KEY = 'weir-name';

class Me {
  #name = $state(stored());

  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    this.#name = name;
    try {
      localStorage.setItem(STORAGE_KEY, name);
    } catch {
      // Storage may be forbidden; the name then lasts until the page is left.
    }
  }
}

function stored(): string {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? '';
  } catch {
    return '';
  }
}

export const me = new Me();
