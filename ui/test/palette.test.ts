// The colours of the design tokens, measured: contrast on their surfaces (WCAG 2.2) and distance from each other as
// red-, green- and blue-blind eyes see them (Machado, Oliveira and Fernandes 2009, full severity; distance in OKLab).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Rgb = [number, number, number];
type Matrix = [Rgb, Rgb, Rgb];

const CSS = readFileSync(new URL('../src/theme/base.css', import.meta.url), 'utf8');

const BLINDNESS: Record<string, Matrix> = {
  none: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};
const TRITANOPIA: Matrix = [
  [1.255528, -0.076749, -0.178779],
  [-0.078411, 0.930809, 0.147602],
  [0.004733, 0.691367, 0.3039],
];

/** About five steps of the just noticeable difference. */
const DISTANCE_MIN = 0.1;

function tokens(theme: 'light' | 'dark'): Map<string, Rgb> {
  const pairs = CSS.matchAll(/(--[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g);
  return new Map(
    [...pairs].map(([, name = '', light = '', dark = '']) => [
      name,
      linear(theme === 'light' ? light : dark),
    ]),
  );
}

function linear(hex: string): Rgb {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function times(matrix: Matrix, [r, g, b]: Rgb): Rgb {
  const row = ([x, y, z]: Rgb) => x * r + y * g + z * b;
  return [row(matrix[0]), row(matrix[1]), row(matrix[2])];
}

function contrast(a: Rgb, b: Rgb): number {
  const luminance = ([r, g, bl]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * bl;
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function oklab(rgb: Rgb): Rgb {
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  );
  const roots = cones.map((cone) => Math.cbrt(Math.max(0, cone))) as Rgb;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    roots,
  );
}

function distance(a: Rgb, b: Rgb, blindness: Matrix): number {
  const clipped = (rgb: Rgb) => times(blindness, rgb).map((value) => Math.min(1, Math.max(0, value))) as Rgb;
  const [x, y] = [oklab(clipped(a)), oklab(clipped(b))];
  return Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const all = tokens(theme);
  const color = (name: string): Rgb => {
    const found = all.get(name);
    if (!found) throw new Error(`${name} is no colour token`);
    return found;
  };
  const series = Array.from({ length: 8 }, (_, i) => color(`--series-${i + 1}`));

  it('has readable text on every surface', () => {
    for (const surface of [
      '--background',
      '--surface',
      '--surface-raised',
      '--surface-sunken',
      '--hover',
      '--selected',
    ]) {
      for (const text of ['--text', '--text-muted']) {
        expect(contrast(color(text), color(surface)), `${text} on ${surface}`).toBeGreaterThanOrEqual(4.5);
      }
    }
    expect(contrast(color('--bad'), color('--bad-surface'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color('--warn'), color('--warn-surface'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color('--surface'), color('--bad')), 'the badge').toBeGreaterThanOrEqual(4.5);
    expect(contrast(color('--accent-text'), color('--accent'))).toBeGreaterThanOrEqual(4.5);
    for (const text of ['--bad', '--warn', '--good', '--accent']) {
      expect(contrast(color(text), color('--surface')), text).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('has series that stand out from the surface', () => {
    for (const [name, value] of all) {
      if (name.startsWith('--series'))
        expect(contrast(value, color('--surface')), name).toBeGreaterThanOrEqual(3);
    }
  });

  it.each(Object.keys(BLINDNESS))(
    'has series that differ from each other to eyes with colour blindness: %s',
    (kind) => {
      const matrix = BLINDNESS[kind] as Matrix;
      series.forEach((a, i) => {
        series.slice(i + 1).forEach((b, j) => {
          expect(distance(a, b, matrix), `series ${i + 1} and ${i + j + 2}`).toBeGreaterThanOrEqual(
            DISTANCE_MIN,
          );
        });
      });
    },
  );

  it('has neighbours in a stack that differ to blue-blind eyes', () => {
    series.slice(1).forEach((b, i) => {
      expect(
        distance(series[i] as Rgb, b, TRITANOPIA),
        `series ${i + 1} and ${i + 2}`,
      ).toBeGreaterThanOrEqual(DISTANCE_MIN);
    });
  });
});
