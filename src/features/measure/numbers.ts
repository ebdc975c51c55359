import { type Metric, type MetricKey, metricLabel } from '../../protocol/measure';
import type { KeptResult } from '../../state/measure/store';

/** A number beside what it is judged by, on one scale. */
export interface NumberRow {
  key: MetricKey;
  label: string;
  /** What is better. */
  note: string;
  digits: number;
  /** null where it was not measured, with the reason in `lacks`. */
  value: number | null;
  lacks: string;
  error: number | null;
  floor: number | null;
  teacher: number | null;
  paper: number | null;
  low: number;
  high: number;
}

const NOTES: Readonly<Record<MetricKey, string>> = {
  fid: 'less is better',
  kid: 'less is better',
  is: 'more is better',
  precision: 'k = 3',
  recall: 'k = 3',
};
const DIGITS: Readonly<Record<MetricKey, number>> = { fid: 2, kid: 2, is: 2, precision: 3, recall: 3 };
const KEYS: readonly MetricKey[] = ['fid', 'kid', 'is', 'precision', 'recall'];

/** Kernel distances are small: they are read in thousandths, as papers print them. */
const UNITS: Partial<Record<MetricKey, number>> = { kid: 1000 };

interface Beside {
  /** The teacher's on the same features. */
  teacher: Partial<Record<MetricKey, number>>;
  /** A FID that authors report; it stands beside a FID alone. */
  paper: number | null;
}

/** All numbers of a result, those that it lacks too: what they need is said in their place. */
export function numberRows(
  result: Pick<KeptResult, 'metrics' | 'onInception'>,
  { teacher, paper }: Beside,
): NumberRow[] {
  const { metrics, onInception } = result;
  return KEYS.map((key) => {
    const metric: Metric | undefined = metrics[key];
    const unit = UNITS[key] ?? 1;
    const scaled = (value: number | null | undefined) => (value == null ? null : value * unit);
    const value = scaled(metric?.value);
    const error = scaled(metric?.error);
    const [floor, other] = [scaled(metric?.floor), scaled(teacher[key])];
    const [low, high] = scaleOf(
      [value, floor, other, ...(value !== null && error !== null ? [value - error, value + error] : [])],
      key === 'precision' || key === 'recall' ? 1 : null,
    );
    return {
      key,
      label: metricLabel(key, onInception) + (unit === 1 ? '' : ' × 1,000'),
      note: NOTES[key],
      digits: DIGITS[key],
      value,
      lacks: key === 'is' && !onInception ? 'needs Inception' : 'not measured',
      error,
      floor,
      teacher: value === null ? null : other,
      paper: key === 'fid' && onInception ? paper : null,
      low,
      high,
    };
  });
}

const STEPS = [1, 2, 5, 10];

/** A scale whose ends are round and a little beyond all values; never above `most`. */
export function scaleOf(values: readonly (number | null)[], most: number | null): [number, number] {
  const known = values.filter((v) => v !== null);
  if (known.length === 0) return [0, 1];
  const [least, largest] = [Math.min(...known), Math.max(...known)];
  const spread = largest - least || Math.abs(largest) || 1;
  const power = 10 ** Math.floor(Math.log10(spread / 4));
  const step = power * (STEPS.find((s) => s * power >= spread / 4) ?? 10);
  const low = Math.floor((least - 0.1 * spread) / step) * step;
  const high = Math.ceil((largest + 0.1 * spread) / step) * step;
  const tidy = (v: number) => Number(v.toPrecision(6));
  return [tidy(least >= 0 ? Math.max(0, low) : low), tidy(most === null ? high : Math.min(most, high))];
}
