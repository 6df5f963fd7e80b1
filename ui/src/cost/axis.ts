// Round numbers for the value axis of drawings that uPlot does not make.

/** At most about `count` ticks from zero, 1, 2 or 5 times a power of ten apart. */
export function niceTicks(top: number, count: number): number[] {
  const wanted = top / count;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= wanted) ?? wanted;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}
