// The moment under the pointer, shared by all charts of the page: a cross-hair on one is a cross-hair on each.

class Hover {
  /** The start of the bucket; undefined when no chart is pointed at. */
  atMs = $state<number>();
  /** Which chart is pointed at: only that one shows the tooltip. */
  source = $state<string>();

  enter(source: string, atMs: number) {
    this.source = source;
    this.atMs = atMs;
  }

  /** Ends the hover, unless another chart has taken over meanwhile. */
  leave(source: string) {
    if (this.source !== source) return;
    this.source = undefined;
    this.atMs = undefined;
  }
}

export const hover = new Hover();
