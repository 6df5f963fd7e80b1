// Finds what someone means by a few letters: all words must occur, better matches first.

/** How well a text fits; undefined when it does not. Beginnings of words count more than their insides. */
export function fit(text: string, wanted: string): number | undefined {
  const low = text.toLowerCase();
  const words = wanted
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  let sum = 0;
  for (const word of words) {
    const at = low.indexOf(word);
    if (at < 0) return undefined;
    const startsWord = at === 0 || /[^\p{L}\p{N}]/u.test(low[at - 1] ?? '');
    sum += at === 0 ? 3 : startsWord ? 2 : 1;
  }
  // Among equals the shorter text is the closer one.
  return sum - low.length / 1_000;
}

/** The entries that fit, best first; all of them, in their order, where nothing is wanted. */
export function ranked<T>(entries: readonly T[], textOf: (entry: T) => string, wanted: string): T[] {
  if (wanted.trim() === '') return [...entries];
  return entries
    .flatMap((entry) => {
      const score = fit(textOf(entry), wanted);
      return score === undefined ? [] : [{ entry, score }];
    })
    .sort((a, b) => b.score - a.score)
    .map(({ entry }) => entry);
}
