// Brings what was chosen in a list into sight where it is marked.

/** Scrolls to the first mark with this key within an element; quietly, where the viewer wants no motion. */
export function reveal(within: Element | null | undefined, key: string) {
  const marks = [...(within?.querySelectorAll<HTMLElement>('mark[data-keys]') ?? [])];
  const found = marks.find((mark) => mark.dataset['keys']?.split(' ').includes(key));
  const isStill = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  found?.scrollIntoView({ block: 'center', behavior: isStill ? 'auto' : 'smooth' });
}
