// Light or dark: the system's preference, unless the viewer chose. Canvases read `scheme` to know when to draw anew.

type Scheme = 'light' | 'dark';

/** What the viewer chose. */
export type Chosen = Scheme | 'system';

const STORAGE_KEY = 'weir-theme';

class ThemeChoice {
  #preferred = $state<Scheme>('light');
  #chosen = $state<Scheme>();

  readonly scheme: Scheme = $derived(this.#chosen ?? this.#preferred);

  constructor() {
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    this.#preferred = dark.matches ? 'dark' : 'light';
    dark.addEventListener('change', () => (this.#preferred = dark.matches ? 'dark' : 'light'));
    const applied = document.documentElement.dataset['theme'];
    this.#chosen = applied === 'light' || applied === 'dark' ? applied : undefined;
  }

  readonly chosen: Chosen = $derived(this.#chosen ?? 'system');

  /** Changes to the other one. Choosing what the system prefers anyway gives the choice back to the system. */
  toggle() {
    const next: Scheme = this.scheme === 'dark' ? 'light' : 'dark';
    this.choose(next === this.#preferred ? 'system' : next);
  }

  /** Keeps a choice in this browser. */
  choose(chosen: Chosen) {
    this.#chosen = chosen === 'system' ? undefined : chosen;
    if (this.#chosen === undefined) delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.#chosen;
    try {
      if (this.#chosen === undefined) localStorage.removeItem(STORAGE_KEY);
      else localStorage.setItem(STORAGE_KEY, this.#chosen);
    } catch {
      // Storage may be forbidden; the choice then lasts until the page is left.
    }
  }
}

export const theme = new ThemeChoice();

const probe = document.createElement('span');

/** A colour of the current theme for the canvas, from any CSS expression: `var(--series-1)`. */
export function resolvedColor(css: string): string {
  if (!probe.isConnected) {
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = css;
  return getComputedStyle(probe).color;
}

/** The font of the page, for the canvas. */
export function fontFamily(): string {
  return getComputedStyle(document.body).fontFamily;
}
