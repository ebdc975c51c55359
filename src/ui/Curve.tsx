import { type KeyboardEvent, type PointerEvent, useMemo, useRef } from 'react';
import './Curve.css';
import {
  type Axis,
  axisFor,
  heightOn,
  nearestIndex,
  smooth,
  spreadLabels,
  thinOut,
  ticksUpTo,
  type Values,
  valueAt,
} from './curve-data';
import { formatValue, formatWhole } from './format';
import { useSpace } from './use-space';

export interface CurveSeries {
  name: string;
  /** By index of `xs`; null = not measured there. */
  values: Values;
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

interface Props {
  label: string;
  /** Ascending. */
  xs: readonly number[];
  series: readonly CurveSeries[];
  levels?: readonly CurveLevel[];
  /** 0 to 1; raw values then stand pale behind the smoothed line. */
  smoothing: number;
  log?: boolean;
  /** Where the vertical line stands. */
  at: number | null;
  /** What x is, after its number: 'images'. */
  unit: string;
  /** While a pointer is over the plot; null when it leaves. */
  onHover: (x: number | null) => void;
  /** A click or an arrow key; null = follow the newest. */
  onPick: (x: number | null) => void;
}

const HEIGHT = 150;
/** Points of one line: about two a pixel. */
const MOST = 900;
const LABEL_GAP = 17;

/**
 * Curves over one axis. One tab stop, a slider to keyboards and screen readers: arrows move the vertical line from
 * value to value, with Shift by ten; End follows the newest.
 */
export function Curve(props: Props) {
  const { label, xs, series, levels = [], smoothing, log = false, at, unit, onHover, onPick } = props;
  const area = useRef<HTMLDivElement>(null);
  const width = useSpace(area)?.width ?? 0;
  const last = xs.at(-1) ?? 0;
  const lines = useMemo(
    () =>
      series.map((s) => ({
        ...s,
        smoothed: s.sparse || smoothing === 0 ? s.values : smooth(s.values, smoothing),
      })),
    [series, smoothing],
  );
  const axis = useMemo(
    () => axisFor([...lines.flatMap((l) => axisValues(l)), ...levels.map((l) => l.value)], log),
    [lines, levels, log],
  );
  const x = (value: number) => (last > 0 ? (value / last) * width : 0);
  // What lies beyond the axis runs along its edge.
  const y = (value: number) => (1 - Math.min(1, Math.max(0, heightOn(axis, value) ?? 0))) * HEIGHT;
  const index = at === null ? xs.length - 1 : nearestIndex(xs, at);
  const readings = lines.map((line) => ({ ...line, value: valueAt(line.smoothed, index) }));
  const labels = [
    ...readings.flatMap(({ name, colour, dash, value }) =>
      value === null ? [] : [{ name, colour, dash, value }],
    ),
    ...levels,
  ];
  const places = spreadLabels(
    labels.map((l) => y(l.value)),
    LABEL_GAP,
    HEIGHT,
  );
  const spoken = readings
    .flatMap(({ name, value }) => (value === null ? [] : [`${name} ${formatValue(value)}`]))
    .join(', ');

  const pointed = (event: PointerEvent) => {
    const box = area.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * last;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 1;
    const moves: Record<string, number> = {
      ArrowLeft: index - step,
      ArrowDown: index - step,
      ArrowRight: index + step,
      ArrowUp: index + step,
      PageDown: index - Math.ceil(xs.length / 10),
      PageUp: index + Math.ceil(xs.length / 10),
      Home: 0,
      End: xs.length - 1,
    };
    const next = event.key === 'Escape' ? xs.length - 1 : moves[event.key];
    if (next === undefined || xs.length === 0) return;
    event.preventDefault();
    onPick(next >= xs.length - 1 ? null : xs[Math.max(0, next)]!);
  };

  return (
    <div className="curve">
      <div className="curve-y" aria-hidden>
        {axis.ticks.map((tick) => (
          <span key={tick} style={{ insetBlockStart: y(tick) }}>
            {formatTick(tick)}
          </span>
        ))}
      </div>
      <div
        ref={area}
        className="curve-area"
        role="slider"
        tabIndex={0}
        aria-label={`${label} against ${unit === 'images' ? 'images seen' : unit}`}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={index < 0 ? 0 : xs[index]}
        aria-valuetext={
          index < 0 ? 'nothing measured yet' : `${formatWhole(xs[index]!)} ${unit}: ${spoken || 'no value'}`
        }
        onKeyDown={onKeyDown}
        onPointerMove={(event) => event.pointerType === 'mouse' && onHover(pointed(event))}
        onPointerLeave={() => onHover(null)}
        onPointerDown={(event) => {
          const to = pointed(event);
          onPick(nearestIndex(xs, to) >= xs.length - 1 ? null : to);
        }}
      >
        <svg width={width} height={HEIGHT} aria-hidden="true">
          {axis.ticks.map((tick, i) => (
            <line
              key={tick}
              className={i === 0 ? 'axis' : 'grid'}
              x1={0}
              x2={width}
              y1={y(tick)}
              y2={y(tick)}
            />
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
            <Line key={line.name} line={line} xs={xs} x={x} y={y} axis={axis} />
          ))}
          {index >= 0 && at !== null && <line className="at" x1={x(at)} x2={x(at)} y1={0} y2={HEIGHT} />}
        </svg>
      </div>
      <div className="curve-x" aria-hidden>
        {ticksUpTo(last, width > 300 ? 5 : 3).map((tick) => (
          <span
            key={tick}
            className={x(tick) > width - 24 ? 'end' : tick === 0 ? 'start' : undefined}
            style={{ insetInlineStart: x(tick) }}
          >
            {formatWhole(tick)}
          </span>
        ))}
      </div>
      <ul className="curve-labels">
        {labels.map((l, i) => (
          <li key={l.name} style={{ insetBlockStart: places[i], color: `var(${l.colour})` }}>
            <svg width="18" height="3" aria-hidden="true">
              <line x1="0" x2="18" y1="1.5" y2="1.5" style={stroke(l)} />
            </svg>
            <span>{l.name}</span> <b>{formatValue(l.value)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface LineProps {
  line: CurveSeries & { smoothed: Values };
  xs: readonly number[];
  x: (value: number) => number;
  y: (value: number) => number;
  axis: Axis;
}

function Line({ line, xs, x, y, axis }: LineProps) {
  const { values, smoothed, sparse } = line;
  const path = (of: Values) => pathOf(of, xs, x, y, axis);
  const dots = sparse ? thinOut(values, MOST).filter((i) => heightOn(axis, values[i]!) !== null) : [];
  return (
    <g style={{ color: `var(${line.colour})` }}>
      {values !== smoothed && <path className="raw" d={path(values)} />}
      <path className="smoothed" d={path(smoothed)} style={{ strokeDasharray: `var(${line.dash})` }} />
      {dots.map((i) => (
        <circle key={i} r={2} cx={x(xs[i]!)} cy={y(values[i]!)} />
      ))}
    </g>
  );
}

function pathOf(
  values: Values,
  xs: readonly number[],
  x: LineProps['x'],
  y: LineProps['y'],
  axis: Axis,
): string {
  const shown = thinOut(values, MOST).filter((i) => heightOn(axis, values[i]!) !== null);
  if (shown.length === 1) {
    const [i] = shown as [number];
    return `M${(x(xs[i]!) - 1).toFixed(1)} ${y(values[i]!).toFixed(1)}h2`; // one value is a mark, not nothing
  }
  return shown.map((i, k) => `${k ? 'L' : 'M'}${x(xs[i]!).toFixed(1)} ${y(values[i]!).toFixed(1)}`).join('');
}

/** Raw values count too, but one outlier among many does not flatten the curve. */
function axisValues({ values, smoothed }: LineProps['line']): number[] {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  if (known.length < 50) return known;
  const sorted = known.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 100);
  return [...sorted.slice(cut, sorted.length - cut), ...smoothed.filter((v): v is number => v !== null)];
}

const stroke = ({ colour, dash }: { colour: string; dash: string }) => ({
  stroke: `var(${colour})`,
  strokeDasharray: `var(${dash})`,
});

const formatTick = (value: number): string =>
  Math.abs(value) >= 1000 ? formatWhole(value) : String(Number(value.toPrecision(6))).replace('-', '−');
