/** What a curve needs to know, without a page. */

export type Values = readonly (number | null)[];

export interface CurveSeries {
  name: string;
  /** Values by index of `xs`; null = not measured there. */
  values: Values;
  /** Standard errors of the values, drawn as bars where `sparse`; null = not known. */
  errors?: Values;
  /** A custom property of the theme: '--cat-1'. */
  colour: string;
  dash: string;
  /** Few values, each measured on its own: drawn as they are, with a dot. */
  sparse?: boolean;
}

/** A value that the curves are read against. */
export interface CurveLevel {
  name: string;
  value: number;
  colour: string;
  dash: string;
}

/**
 * Exponential smoothing with the start corrected: the first values are means of what there is, not drawn towards
 * zero. Gaps stay gaps. `weight` 0 leaves everything as it is.
 */
export function smooth(values: Values, weight: number): (number | null)[] {
  let sum = 0;
  let mass = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = weight * sum + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}

/**
 * Indices of at most about `most` values that draw the same picture: the lowest and the highest of each stretch, in
 * order, and both ends. Gaps are left out.
 */
export function thinOut(values: Values, most: number): number[] {
  const known: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== null && Number.isFinite(values[i])) known.push(i);
  if (known.length <= most) return known;
  const kept = new Set([known[0]!, known.at(-1)!]);
  const stretches = Math.max(1, Math.floor(most / 2));
  for (let s = 0; s < stretches; s++) {
    const from = Math.floor((s * known.length) / stretches);
    const to = Math.floor(((s + 1) * known.length) / stretches);
    let low = known[from]!;
    let high = low;
    for (let k = from; k < to; k++) {
      const i = known[k]!;
      if (values[i]! < values[low]!) low = i;
      if (values[i]! > values[high]!) high = i;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b);
}

export interface Axis {
  min: number;
  max: number;
  log: boolean;
  ticks: number[];
}

/** An axis with round ends around all values; a log axis leaves out what is not positive. */
export function axisFor(values: Values, log: boolean, wanted = 4): Axis {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value === null || !Number.isFinite(value) || (log && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return { min: log ? 0.1 : 0, max: 1, log, ticks: log ? [0.1, 1] : [0, 1] };
  return log ? logAxis(low, high) : linearAxis(low, high, wanted);
}

function linearAxis(low: number, high: number, wanted: number): Axis {
  // Values that differ only in their last digits get an axis of their own size: ticks must stay tellable apart.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const span = high - low > 1e-6 * size ? high - low : size || 1;
  const step = roundStep(span / wanted);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
  return { min: ticks[0]!, max: ticks.at(-1)!, log: false, ticks };
}

function logAxis(low: number, high: number): Axis {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
  const decades = last - first;
  const every = Math.ceil(decades / 5);
  const ticks: number[] = [];
  for (let k = first; k <= last; k += every) {
    ticks.push(tidy(10 ** k));
    if (decades <= 2 && k < last) ticks.push(tidy(2 * 10 ** k), tidy(5 * 10 ** k));
  }
  return { min: 10 ** first, max: 10 ** last, log: true, ticks };
}

/** Round values within [0, max], for an axis that ends where the data does. */
export function ticksUpTo(max: number, wanted: number): number[] {
  if (!(max > 0)) return [0];
  const step = Math.max(1, roundStep(max / wanted));
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const ratio = rough / power;
  return (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10) * power;
}

const tidy = (value: number) => Number(value.toPrecision(12));

/** Height of a value, 0 at the bottom and 1 at the top; null where a log axis cannot show it. */
export function heightOn(axis: Axis, value: number): number | null {
  if (!axis.log) return (value - axis.min) / (axis.max - axis.min);
  if (value <= 0) return null;
  const low = Math.log10(axis.min);
  return (Math.log10(value) - low) / (Math.log10(axis.max) - low);
}

/**
 * Places labels that want to be at `wanted` (ascending or not) at least `gap` apart within [0, length], each moved as
 * little as the ones before it allow.
 */
export function spreadLabels(wanted: readonly number[], gap: number, length: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  let floor = 0;
  for (const i of order) {
    placed[i] = Math.max(wanted[i]!, floor);
    floor = placed[i]! + gap;
  }
  let ceiling = length;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i]!, ceiling);
    ceiling = placed[i]! - gap;
  }
  return placed;
}

/** Index of the value of `xs` (ascending) nearest to x; -1 where there is none. */
export function nearestIndex(xs: readonly number[], x: number): number {
  if (xs.length === 0) return -1;
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  return Math.abs(xs[low]! - x) <= Math.abs(xs[high]! - x) ? low : high;
}

/** The last known value at or before an index. */
export function valueAt(values: Values, index: number): number | null {
  for (let i = Math.min(index, values.length - 1); i >= 0; i--)
    if (values[i] !== null && values[i] !== undefined) return values[i]!;
  return null;
}

/**
 * The index that a key goes to from `index` among `count` values: arrows go by one, with Shift by ten, pages by a tenth of
 * all; Escape and End go to the newest. Null for a key that goes nowhere.
 */
export function indexAfter(key: string, shift: boolean, index: number, count: number): number | null {
  const step = shift ? 10 : 1;
  const page = Math.ceil(count / 10);
  const moves: Record<string, number> = {
    ArrowLeft: index - step,
    ArrowDown: index - step,
    ArrowRight: index + step,
    ArrowUp: index + step,
    PageDown: index - page,
    PageUp: index + page,
    Home: 0,
    End: count - 1,
    Escape: count - 1,
  };
  const next = moves[key];
  return next === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, next));
}
