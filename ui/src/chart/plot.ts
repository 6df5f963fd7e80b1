// Draws one chart with uPlot. This is the only file that knows uPlot: everything above it speaks of `ChartData`.
// Colours come from the design tokens at the moment of drawing, so a change of theme needs a new drawing only.

import uPlot from 'uplot';
import { fontFamily, resolvedColor } from '../theme/scheme.svelte';
import type { Interval } from '../time/range';
import { levelsWithin, stacked, type ChartData, type ChartSeries, type Value } from './table';
import { axisTop, tickSteps, timeTicks, valueTicks } from './ticks';

/** Lines for measures, an area for one amount over time, stacked bars for amounts of several groups. */
export type PlotStyle = 'line' | 'area' | 'bars';

/** What a drawing shows. */
export interface PlotInput {
  data: ChartData;
  style: PlotStyle;
  hidden: ReadonlySet<string>;
  range: Interval;
  /** Marked with a band. */
  picked: Interval | undefined;
}

/** What a drawing reports. */
export interface PlotEvents {
  /** The bucket under the pointer; undefined when the pointer left. */
  onhover: (index: number | undefined) => void;
  /** A span of time that was dragged over. */
  onbrush: (fromMs: number, toMs: number) => void;
  /** A bucket that was clicked, and how high on the value axis. */
  onpick: (index: number, value: number) => void;
}

/** Room for labels; the same on all charts, so that their time axes line up. */
const VALUE_AXIS_PX = 58;
const TIME_AXIS_PX = 20;
/** The end of the last time label would be cut without it. */
const RIGHT_PX = 14;
const TOP_PX = 8;
/** On and off, of lines that show the time before. */
const DASH = [4, 4];
/** Shorter drags are clicks with an unsteady hand. */
const BRUSH_MIN_PX = 6;

/** One chart on the page. */
export class Plot {
  readonly #uplot: uPlot;
  #input: PlotInput;

  constructor(host: HTMLElement, input: PlotInput, events: PlotEvents) {
    this.#input = input;
    const { width, height } = host.getBoundingClientRect();
    const options = this.#options(events, Math.max(width, 120), Math.max(height, 80));
    this.#uplot = new uPlot(options, columns(input), host);
    this.#listen(events);
  }

  /** Whether this drawing can show other input by changing its numbers only. */
  fits(input: PlotInput): boolean {
    const same = (a: PlotInput) =>
      drawings(a)
        .map(({ name }) => name)
        .join('\n');
    return same(input) === same(this.#input) && input.style === this.#input.style;
  }

  update(input: PlotInput) {
    this.#input = input;
    drawings(input).forEach((drawing, drawn) => {
      const series = this.#uplot.series[drawn + 1];
      if (series) series.show = drawing.show;
    });
    this.#uplot.setData(columns(input));
  }

  resize(width: number, height: number) {
    if (width > 0 && height > 0) this.#uplot.setSize({ width, height });
  }

  /** Puts the cross-hair on a time; undefined takes it away. */
  point(atMs: number | undefined) {
    const left = atMs === undefined ? -10 : this.#center(atMs);
    this.#uplot.setCursor({ left, top: atMs === undefined ? -10 : 0 }, false);
  }

  /** Where a time lies, in pixels from the left edge of the chart. */
  positionOf(atMs: number): number {
    return this.#uplot.over.offsetLeft + this.#center(atMs);
  }

  destroy() {
    this.#uplot.destroy();
  }

  #center(atMs: number): number {
    const { style, data } = this.#input;
    const middle = style === 'bars' ? atMs + data.stepMs / 2 : atMs;
    return this.#uplot.valToPos(middle, 'x');
  }

  #options(events: PlotEvents, width: number, height: number): uPlot.Options {
    return {
      width,
      height,
      ms: 1,
      padding: [TOP_PX, RIGHT_PX, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: true, range: () => [this.#input.range.fromMs, this.#input.range.toMs] },
        y: { range: (_, min, max) => this.#valueRange(min, max) },
      },
      axes: this.#axes(),
      series: [{}, ...drawings(this.#input).map((drawing) => this.#series(drawing))],
      bands: this.#bands(),
      cursor: this.#cursor(),
      hooks: {
        setCursor: [(plot) => this.#hovered(plot, events)],
        setSelect: [(plot) => brush(plot, events)],
        drawClear: [(plot) => this.#picked(plot)],
        draw: [(plot) => this.#levels(plot)],
      },
    };
  }

  #axes(): uPlot.Axis[] {
    const axis: Partial<uPlot.Axis> = {
      stroke: resolvedColor('var(--text-muted)'),
      font: `11px ${fontFamily()}`,
      ticks: { show: false },
      grid: { stroke: resolvedColor('var(--chart-grid)'), width: 1 },
    };
    const incrs = tickSteps(this.#input.data.unit);
    const values: uPlot.Axis.DynamicValues = (_, ticks) => valueTicks(ticks, this.#input.data.unit);
    return [
      { ...axis, size: TIME_AXIS_PX, gap: 4, space: 64, grid: { show: false }, values: timeLabels },
      { ...axis, size: VALUE_AXIS_PX, gap: 6, space: 34, values, ...(incrs && { incrs }) },
    ];
  }

  /** From zero, or from the least value where values may be negative; levels with room are seen. */
  #valueRange(min: number | null, max: number | null): [number, number] {
    const { data } = this.#input;
    const levels = levelsWithin(data).map(({ value }) => value);
    const least = Math.min(0, min ?? 0, ...levels);
    return [least * 1.08, axisTop(Math.max(max ?? 0, ...levels), data.unit)];
  }

  /** The area between the edges of the band. */
  #bands(): uPlot.Band[] {
    const names = drawings(this.#input).map(({ name }) => name);
    const [upper, lower] = [names.indexOf(UPPER), names.indexOf(LOWER)];
    if (upper < 0 || lower < 0) return [];
    const fill = resolvedColor('var(--chart-band)');
    return [{ series: [upper + 1, lower + 1], fill }];
  }

  #levels(plot: uPlot) {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px ${fontFamily()}`;
    ctx.textAlign = 'left';
    for (const { value, label, color } of levelsWithin(this.#input.data)) {
      const top = Math.round(plot.valToPos(value, 'y', true)) + 0.5;
      if (top < bbox.top || top > bbox.top + bbox.height) continue;
      ctx.strokeStyle = ctx.fillStyle = resolvedColor(`var(${color})`);
      ctx.lineWidth = ratio;
      ctx.setLineDash([6 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, top);
      ctx.lineTo(bbox.left + bbox.width, top);
      ctx.stroke();
      // Beneath the line where it lies at the top.
      const isHigh = top < bbox.top + 14 * ratio;
      ctx.textBaseline = isHigh ? 'top' : 'bottom';
      ctx.fillText(label, bbox.left + 4 * ratio, top + (isHigh ? 3 : -2) * ratio);
    }
    ctx.restore();
  }

  #series({ color: name, show, isEarlier, isEdge, isHypothetical }: Drawing): uPlot.Series {
    const { style } = this.#input;
    const token = `var(${name})`;
    const color = resolvedColor(token);
    const base: uPlot.Series = { show, spanGaps: false };
    if (isEdge) return { ...base, width: 0, points: { show: false } };
    if (isEarlier) {
      return { ...base, stroke: color, width: 1.25, dash: DASH, points: { show: false } };
    }
    if (style === 'bars') {
      const paths = uPlot.paths.bars?.({ size: [0.86, 40], align: 1 });
      const fill = isHypothetical ? () => hatching(color, resolvedColor('var(--surface)')) : color;
      const bars = { fill, width: 0, points: { show: false } };
      return { ...base, ...bars, ...(paths && { paths }) };
    }
    return {
      ...base,
      stroke: color,
      width: 1.75,
      ...(isHypothetical && { dash: DASH }),
      ...(style === 'area' && { fill: resolvedColor(`color-mix(in srgb, ${token} 14%, transparent)`) }),
      // Only where a line would not show: a value between two gaps.
      points: { show: true, size: 4, fill: color, width: 0, filter: (plot, i) => lonely(plot.data[i] ?? []) },
    };
  }

  #cursor(): uPlot.Cursor {
    return {
      y: false,
      drag: {
        x: true,
        y: false,
        setScale: false,
        dist: BRUSH_MIN_PX,
        // The click that ends a drag is not a click on a bucket.
        click: (plot, event) => {
          if (plot.select.width >= BRUSH_MIN_PX) event.stopImmediatePropagation();
        },
      },
      points: { show: this.#input.style !== 'bars', size: 7, width: 2 },
      bind: { dblclick: () => null },
    };
  }

  /** uPlot tells of its cursor; clicks and leaving are told by the plotting area itself. */
  #listen(events: PlotEvents) {
    const { over } = this.#uplot;
    over.addEventListener('mouseleave', () => events.onhover(undefined));
    over.addEventListener('click', () => {
      const index = this.#indexAtPointer();
      if (index !== undefined) events.onpick(index, this.#uplot.posToVal(this.#uplot.cursor.top ?? 0, 'y'));
    });
  }

  #hovered(plot: uPlot, events: PlotEvents) {
    // New data moves the cursor too; only the chart under the viewer's own pointer may say what is hovered.
    if (plot.over.matches(':hover')) events.onhover(this.#indexAtPointer());
  }

  /** The bucket under the pointer: a bar from its start to its end, of a line the nearest point. */
  #indexAtPointer(): number | undefined {
    const left = this.#uplot.cursor.left ?? -1;
    if (left < 0) return undefined;
    const { data, style } = this.#input;
    const buckets = (this.#uplot.posToVal(left, 'x') - (data.timesMs[0] ?? 0)) / data.stepMs;
    const index = style === 'bars' ? Math.floor(buckets) : Math.round(buckets);
    return Math.min(Math.max(index, 0), data.timesMs.length - 1);
  }

  #picked(plot: uPlot) {
    const { picked } = this.#input;
    if (picked === undefined) return;
    const left = Math.max(plot.valToPos(picked.fromMs, 'x', true), plot.bbox.left);
    const right = Math.min(plot.valToPos(picked.toMs, 'x', true), plot.bbox.left + plot.bbox.width);
    if (right <= left) return;
    plot.ctx.save();
    plot.ctx.fillStyle = resolvedColor('var(--chart-band)');
    plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
    plot.ctx.restore();
  }
}

/** One thing that uPlot draws. */
interface Drawing {
  name: string;
  color: string;
  show: boolean;
  /** The time before: a dashed line. */
  isEarlier: boolean;
  /** An edge of the band: seen by the area between. */
  isEdge?: boolean;
  isHypothetical?: boolean;
  values: Value[];
}

/** What the drawings of the band are called. */
const UPPER = 'band upper';
const LOWER = 'band lower';

/**
 * What to draw, from the back to the front. The last of a stack is the tallest and lies behind the others; the time
 * before lies behind lines, and before bars, where it would not be seen otherwise.
 */
function drawings({ data, style, hidden }: PlotInput): Drawing[] {
  const values = style === 'bars' ? stacked(data.series, hidden) : data.series.map((s) => s.values);
  const main = data.series.map(({ key, color, isHypothetical = false }: ChartSeries, i) => ({
    name: `${key} ${color}`,
    color,
    show: !hidden.has(key),
    isEarlier: false,
    isHypothetical,
    values: values[i] ?? [],
  }));
  const earlier = data.series.flatMap(({ key, color, earlier: before }) =>
    before === undefined || style === 'bars'
      ? []
      : [{ name: `before ${key} ${color}`, color, show: !hidden.has(key), isEarlier: true, values: before }],
  );
  const total =
    data.earlierTotal === undefined
      ? []
      : // A part of a stack cannot be compared with the whole of the one before.
        [
          {
            name: 'before',
            color: '--text',
            show: hidden.size === 0,
            isEarlier: true,
            values: data.earlierTotal,
          },
        ];
  return [...banded(data), ...earlier.toReversed(), ...main.toReversed(), ...total];
}

/** How far the stripes of a hatching are apart. */
const HATCH_PX = 6;

/** Stripes on the colour of the page. They cover what lies behind: bars of a stack reach to the ground, one before the other. */
function hatching(color: string, ground: string): CanvasPattern | string {
  const side = Math.round(HATCH_PX * window.devicePixelRatio);
  const tile = document.createElement('canvas');
  tile.width = tile.height = side;
  const ctx = tile.getContext('2d');
  if (!ctx) return color;
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, side, side);
  ctx.globalAlpha = 0.22;
  ctx.fillStyle = color;
  ctx.fillRect(0, 0, side, side);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = color;
  ctx.lineWidth = side / 4;
  ctx.beginPath();
  // The corners too, so that stripes go on from tile to tile.
  for (const shift of [-side, 0, side]) {
    ctx.moveTo(shift - 1, side + 1);
    ctx.lineTo(shift + side + 1, -1);
  }
  ctx.stroke();
  return ctx.createPattern(tile, 'repeat') ?? color;
}

/** The band behind everything, and what was expected as a dashed line. */
function banded({ band }: ChartData): Drawing[] {
  if (band === undefined) return [];
  const edge = { color: '--text-muted', show: true, isEarlier: false, isEdge: true };
  return [
    { ...edge, name: UPPER, values: band.upper },
    { ...edge, name: LOWER, values: band.lower },
    { name: 'band baseline', color: '--text-muted', show: true, isEarlier: true, values: band.baseline },
  ];
}

function columns(input: PlotInput): uPlot.AlignedData {
  return [input.data.timesMs, ...drawings(input).map(({ values }) => values)];
}

function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const indices = [];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) indices.push(i);
  }
  return indices;
}

function timeLabels(_: uPlot, ticks: number[], __: number, ___: number, stepMs: number): string[] {
  return timeTicks(ticks, stepMs);
}

function brush(plot: uPlot, events: PlotEvents) {
  const { left, width } = plot.select;
  if (width < BRUSH_MIN_PX) return;
  events.onbrush(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}
