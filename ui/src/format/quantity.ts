// Numbers as people read them: each with its unit, in the viewer's locale, with as many digits as are worth reading.
// A missing value is a dash, never a zero.

import type { Unit } from '../api/types';

/** A number and its unit, apart, so that they can be set in different sizes. */
export interface Quantity {
  number: string;
  /** Empty where the number carries its unit (`$12.30`, `4.2%`). */
  unit: string;
}

export const MISSING = '–';

/** Over this a number is shortened (12.3K); below, its digits can be read at a glance. */
const COMPACT_FROM = 10_000;

const number = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(undefined, options);
const grouped = number({ maximumFractionDigits: 2 });
const whole = number({ maximumFractionDigits: 0 });
const compact = number({ notation: 'compact', maximumSignificantDigits: 3 });
const significant = number({ maximumSignificantDigits: 3 });
const shortSignificant = number({ maximumSignificantDigits: 2 });
const tenths = number({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hundredths = number({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const dollars = number({ style: 'currency', currency: 'USD' });
const compactDollars = number({
  style: 'currency',
  currency: 'USD',
  notation: 'compact',
  maximumSignificantDigits: 3,
});
const smallDollars = number({ style: 'currency', currency: 'USD', maximumSignificantDigits: 2 });
const percent = number({ style: 'percent', maximumFractionDigits: 1 });
const evenPercent = number({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const smallPercent = number({ style: 'percent', maximumSignificantDigits: 2 });

/** A value with its unit. */
export function quantity(value: number | null | undefined, unit: Unit): Quantity {
  if (value === null || value === undefined || !Number.isFinite(value)) return { number: MISSING, unit: '' };
  switch (unit) {
    case 'ms':
      return duration(value);
    case 'usd':
      return { number: money(value), unit: '' };
    case 'ratio':
      return { number: share(value), unit: '' };
    case 'percent':
      return { number: share(value / 100), unit: '' };
    case 'tokens':
      return { number: plain(value), unit: Math.abs(value) === 1 ? 'token' : 'tokens' };
    case 'per_second':
      return perTime(value);
    case 'count':
    case 'none':
      return { number: plain(value), unit: '' };
  }
}

/** The same on one line: `1.24 s`. */
export function text(value: number | null | undefined, unit: Unit): string {
  const { number: digits, unit: name } = quantity(value, unit);
  return name === '' || name.startsWith('/') ? `${digits}${name}` : `${digits}\u00a0${name}`;
}

/** A count, shortened when long. */
export function plain(value: number): string {
  if (Math.abs(value) >= COMPACT_FROM) return compact.format(value);
  return Math.abs(value) >= 100 || Number.isInteger(value) ? whole.format(value) : significant.format(value);
}

/** A count with all its digits. */
export function exact(value: number): string {
  return grouped.format(value);
}

/** The exact value behind a shortened one, for tooltips and tables. */
export function exactText(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  if (unit === 'count' || unit === 'none') return exact(value);
  if (unit === 'tokens') return `${exact(value)}\u00a0tokens`;
  return text(value, unit);
}

/** A share of one as percent; small shares keep two digits that say something. */
export function share(value: number): string {
  const magnitude = Math.abs(value);
  return magnitude > 0 && magnitude < 0.001 ? smallPercent.format(value) : percent.format(value);
}

/** A share of one as percent with one decimal always: in a column, points stand below each other. */
export function evenShare(value: number): string {
  return evenPercent.format(value);
}

/** Dollars: cents for amounts of a cent and more, two digits that count below. */
export function money(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= COMPACT_FROM) return compactDollars.format(value);
  // Two digits of anything from here on are cents.
  if (magnitude >= 0.0995 || magnitude === 0) return dollars.format(value);
  return smallDollars.format(value);
}

/** Dollars in a narrow column: what is less than a hundredth of a cent is only said to be that. */
export function shortMoney(value: number): string {
  return value > 0 && value < 0.0001 ? '<$0.0001' : money(value);
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** An amount of memory, in powers of 1024 as limits of memory are written. */
export function bytes(value: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)));
  return `${significant.format(value / 1024 ** power)}\u00a0${BYTE_UNITS[power]}`;
}

/** A length of time given in milliseconds. */
export function duration(ms: number): Quantity {
  const magnitude = Math.abs(ms);
  if (magnitude < 999.5)
    return { number: magnitude < 100 ? shortSignificant.format(ms) : whole.format(ms), unit: 'ms' };
  if (magnitude < 59_950)
    return { number: (magnitude < 9_995 ? hundredths : tenths).format(ms / 1_000), unit: 's' };
  const seconds = Math.round(ms / 1_000);
  if (magnitude < 3_600_000)
    return { number: `${Math.trunc(seconds / 60)}:${two(seconds % 60)}`, unit: 'min' };
  const minutes = Math.round(seconds / 60);
  return { number: `${Math.trunc(minutes / 60)}:${two(minutes % 60)}`, unit: 'h' };
}

function two(value: number): string {
  return String(Math.abs(value)).padStart(2, '0');
}

/** A rate given per second, told per minute when it is slow. */
function perTime(perSecond: number): Quantity {
  const slow = perSecond !== 0 && Math.abs(perSecond) < 1;
  return { number: plain(slow ? perSecond * 60 : perSecond), unit: slow ? '/min' : '/s' };
}

/** How much of the earlier value was added; undefined where there is nothing to compare with. */
export function change(current: number | null, earlier: number | null): number | undefined {
  if (current === null || earlier === null || earlier === 0) return undefined;
  return current / earlier - 1;
}

/** How a number changed: amounts by a share of themselves, shares by their difference, as `changeText` says it. */
export function difference(
  compared: { current: number | null; earlier: number | null },
  unit: Unit,
): number | undefined {
  const { current, earlier } = compared;
  if (unit !== 'ratio') return change(current, earlier);
  return current === null || earlier === null ? undefined : current - earlier;
}

/** A change of less than this is how traffic breathes, and no reason for a colour. */
const NOTABLE_CHANGE = 0.05;
const NOTABLE_POINTS = 0.001;

/** Whether a `difference` deserves to be seen at a glance. */
export function isNotable(changed: number, unit: Unit): boolean {
  return Math.abs(changed) >= (unit === 'ratio' ? NOTABLE_POINTS : NOTABLE_CHANGE);
}

/** From this on a growth in percent says less than its factor. */
const FACTOR_FROM = 9;

/** The size of a `difference`: in percent or as a factor, of shares in percentage points. */
export function changeText(changed: number, unit: Unit): string {
  const size = Math.abs(changed);
  if (unit !== 'ratio') return changed >= FACTOR_FROM ? `${plain(changed + 1)}×` : evenShare(size);
  const points = shortSignificant.format(size * 100);
  return `${points} ${points === '1' ? 'point' : 'points'}`;
}
