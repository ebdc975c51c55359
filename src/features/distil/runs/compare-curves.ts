import type { CurvePoint } from '../../../distil/curve';
import type { RunDetail } from '../../../protocol/runs';
import type { CurveSeries } from '../../../ui/curve-data';
import { abscissa, type XAxis } from '../run/curve-series';

interface ComparedPlot {
  title: string;
  note: string;
  series: CurveSeries[];
  /** Real images have a place on its axis. */
  real: boolean;
}

interface Side {
  letter: string;
  colour: string;
  dash: string;
}

type Quantity = [string, string, (point: CurvePoint) => number | null | undefined, boolean?];

const QUANTITIES: Quantity[] = [
  ['Fréchet distance', 'lower is better; compare equal n only', (p) => p.frechet, true],
  ['Spread of the samples', 'real images are 1', (p) => p.sampleSpread, true],
  ['Generator loss', '', (p) => p.lossG],
  ['Discriminator loss', '', (p) => p.lossD],
  [
    'Logit margin',
    'real minus student; near 0 they cannot be told apart',
    (p) => (p.logitsReal === null || p.logitsFake === null ? null : p.logitsReal - p.logitsFake),
  ],
];

/** Both runs over one axis: where only one has a point, the other has a gap. */
export function overlay(
  runs: readonly RunDetail[],
  axis: XAxis,
  sides: readonly Side[],
): { xs: number[]; unit: string; plots: ComparedPlot[] } {
  const longest = runs.reduce((a, b) => (b.curve.length > a.curve.length ? b : a));
  const { unit } = abscissa(longest.curve, axis, longest.record.config.batch);
  const size = { minutes: 60, hours: 3600 }[unit] ?? 1;
  const own = runs.map(({ curve, record }) => {
    const of = abscissa(curve, axis, record.config.batch);
    const mine = { minutes: 60, hours: 3600 }[of.unit] ?? 1;
    return of.xs.map((x) => (x * mine) / size);
  });
  const xs = [...new Set(own.flat())].sort((a, b) => a - b);
  const place = new Map(xs.map((x, i) => [x, i]));
  const plots = QUANTITIES.map(([title, note, value, sparse = false]) => ({
    title,
    note,
    real: title.startsWith('Spread'),
    series: runs.flatMap(({ curve }, i) => {
      const values = new Array<number | null>(xs.length).fill(null);
      curve.forEach((point, k) => {
        values[place.get(own[i]![k]!)!] = value(point) ?? null;
      });
      const { letter: name, colour, dash } = sides[i]!;
      return values.some((v) => v !== null) ? [{ name, colour, dash, values, sparse }] : [];
    }),
  }));
  return { xs, unit, plots: plots.filter((plot) => plot.series.length > 0) };
}
