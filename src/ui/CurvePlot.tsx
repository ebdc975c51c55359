import {
  type Axis,
  axisFor,
  type CurveLevel,
  type CurveSeries,
  heightOn,
  smooth,
  thinOut,
  type Values,
} from './curve-data';

/** Height of the plot, in pixels. */
export const HEIGHT = 150;
/** Points of one line: about two a pixel. */
const MOST = 900;

/** A curve as it was measured, and as it is drawn. */
export interface CurveLine extends CurveSeries {
  smoothed: Values;
}

export const smoothed = (series: readonly CurveSeries[], weight: number): CurveLine[] =>
  series.map((s) => ({ ...s, smoothed: s.sparse || weight === 0 ? s.values : smooth(s.values, weight) }));

/** The axis that the lines and levels share. */
export const axisOf = (lines: readonly CurveLine[], levels: readonly CurveLevel[], log: boolean): Axis =>
  axisFor([...lines.flatMap((l) => [...axisValues(l), ...barEnds(l)]), ...levels.map((l) => l.value)], log);

/** Both ends of every error bar. */
const barEnds = ({ values, errors }: CurveLine): number[] =>
  values.flatMap((value, i) => {
    const error = errors?.[i] ?? null;
    return value === null || error === null ? [] : [value - error, value + error];
  });

/** Raw values count too, but one outlier among many does not flatten the curve. */
function axisValues({ values, smoothed }: CurveLine): number[] {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  if (known.length < 50) return known;
  const sorted = known.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 100);
  return [...sorted.slice(cut, sorted.length - cut), ...smoothed.filter((v): v is number => v !== null)];
}

/** Where values are in the plot, in pixels from its upper left corner. */
export interface PlotScale {
  axis: Axis;
  width: number;
  x: (value: number) => number;
  y: (value: number) => number;
}

/** `last` is the largest x, at the right edge. */
export const plotScale = (axis: Axis, last: number, width: number): PlotScale => ({
  axis,
  width,
  x: (value) => (last > 0 ? (value / last) * width : 0),
  // What lies beyond the axis runs along its edge.
  y: (value) => (1 - Math.min(1, Math.max(0, heightOn(axis, value) ?? 0))) * HEIGHT,
});

interface Props {
  scale: PlotScale;
  xs: readonly number[];
  lines: readonly CurveLine[];
  levels: readonly CurveLevel[];
  /** Where the vertical line stands; null without one. */
  at: number | null;
}

/** Grid, levels, curves and the vertical line. */
export function CurvePlot({ scale, xs, lines, levels, at }: Props) {
  const { axis, width, x, y } = scale;
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true">
      {axis.ticks.map((tick, i) => (
        <line key={tick} className={i === 0 ? 'axis' : 'grid'} x1={0} x2={width} y1={y(tick)} y2={y(tick)} />
      ))}
      {levels.map((level) => (
        <line
          key={level.name}
          x1={0}
          x2={width}
          y1={y(level.value)}
          y2={y(level.value)}
          style={stroke(level)}
          className="level"
        />
      ))}
      {lines.map((line) => (
        <Line key={line.name} line={line} xs={xs} scale={scale} />
      ))}
      {at !== null && <line className="at" x1={x(at)} x2={x(at)} y1={0} y2={HEIGHT} />}
    </svg>
  );
}

interface LineProps {
  line: CurveLine;
  xs: readonly number[];
  scale: PlotScale;
}

function Line({ line, xs, scale }: LineProps) {
  const { values, smoothed, sparse } = line;
  const { axis, x, y } = scale;
  const dots = sparse ? thinOut(values, MOST).filter((i) => heightOn(axis, values[i]!) !== null) : [];
  return (
    <g style={{ color: `var(${line.colour})` }}>
      {values !== smoothed && <path className="raw" d={pathOf(values, xs, scale)} />}
      <path
        className="smoothed"
        d={pathOf(smoothed, xs, scale)}
        style={{ strokeDasharray: `var(${line.dash})` }}
      />
      {dots.map((i) => {
        const error = line.errors?.[i] ?? null;
        const [at, value] = [x(xs[i]!), values[i]!];
        return (
          error !== null && (
            <line key={i} className="error-bar" x1={at} x2={at} y1={y(value - error)} y2={y(value + error)} />
          )
        );
      })}
      {dots.map((i) => (
        <circle key={i} r={2} cx={x(xs[i]!)} cy={y(values[i]!)} />
      ))}
    </g>
  );
}

function pathOf(values: Values, xs: readonly number[], { axis, x, y }: PlotScale): string {
  const shown = thinOut(values, MOST).filter((i) => heightOn(axis, values[i]!) !== null);
  if (shown.length === 1) {
    const [i] = shown as [number];
    return `M${(x(xs[i]!) - 1).toFixed(1)} ${y(values[i]!).toFixed(1)}h2`; // one value is a mark, not nothing
  }
  return shown.map((i, k) => `${k ? 'L' : 'M'}${x(xs[i]!).toFixed(1)} ${y(values[i]!).toFixed(1)}`).join('');
}

export const stroke = ({ colour, dash }: { colour: string; dash: string }) => ({
  stroke: `var(${colour})`,
  strokeDasharray: `var(${dash})`,
});
