// From an amount before to an amount after, step by step: where the bar of each step begins and ends.

import type { Change } from './questions';

/** One bar, in dollars from zero. */
export interface Step {
  key: string;
  name: string;
  /** What the step means. */
  hint: string;
  /** The amount itself, or what the step adds. */
  usd: number;
  fromUsd: number;
  toUsd: number;
  isTotal: boolean;
}

const NAMES: Readonly<Record<string, { name: string; hint: string }>> = {
  volume: { name: 'Volume', hint: 'More or fewer calls.' },
  tokens_per_call: { name: 'Tokens per call', hint: 'Longer or shorter prompts and answers.' },
  model_mix: { name: 'Model mix', hint: 'Calls moved to dearer or cheaper models.' },
  price: { name: 'Price', hint: 'Providers changed their prices.' },
  cache: { name: 'Cache', hint: 'More or fewer tokens read from the providers’ caches.' },
  unexplained: { name: 'Unexplained', hint: 'What none of the others explains.' },
};

export function steps({ beforeUsd, afterUsd, parts }: Change): Step[] {
  let reached = beforeUsd;
  const between = parts.map(({ key, usd }): Step => {
    const fromUsd = reached;
    reached += usd;
    const { name, hint } = NAMES[key] ?? { name: key, hint: '' };
    return { key, name, hint, usd, fromUsd, toUsd: reached, isTotal: false };
  });
  const total = (key: string, name: string, usd: number): Step => ({
    key,
    name,
    hint: '',
    usd,
    fromUsd: 0,
    toUsd: usd,
    isTotal: true,
  });
  return [total('before', 'Before', beforeUsd), ...between, total('after', 'After', afterUsd)];
}

/** The scale of all bars. */
export function extent(all: readonly Step[]): { lowUsd: number; highUsd: number } {
  const ends = all.flatMap(({ fromUsd, toUsd }) => [fromUsd, toUsd]);
  const lowUsd = Math.min(0, ...ends);
  const highUsd = Math.max(0, ...ends);
  return { lowUsd, highUsd: highUsd === lowUsd ? lowUsd + 1 : highUsd };
}

/** An amount that was added: its sign is part of what it says. */
export function signed(usd: number, money: (usd: number) => string): string {
  if (usd === 0) return '±$0';
  return `${usd > 0 ? '+' : '−'}${money(Math.abs(usd))}`;
}
