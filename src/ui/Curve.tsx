import { type KeyboardEvent, type PointerEvent, useMemo, useRef } from 'react';
import './Curve.css';
import { axisOf, CurvePlot, HEIGHT, type PlotScale, plotScale, smoothed, stroke } from './CurvePlot';
import {
  type CurveLevel,
  type CurveSeries,
  indexAfter,
  nearestIndex,
  spreadLabels,
  ticksUpTo,
  valueAt,
} from './curve-data';
import { formatValue, formatWhole } from './format';
import { useSpace } from './use-space';

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

const NO_LEVELS: readonly CurveLevel[] = [];

/**
 * Curves over one axis. One tab stop, a slider to keyboards and screen readers: arrows move the vertical line from
 * value to value, with Shift by ten; End follows the newest.
 */
export function Curve(props: Props) {
  const { label, xs, series, levels = NO_LEVELS, smoothing, log = false, at, unit, onHover, onPick } = props;
  const area = useRef<HTMLDivElement>(null);
  const width = useSpace(area)?.width ?? 0;
  const last = xs.at(-1) ?? 0;
  const lines = useMemo(() => smoothed(series, smoothing), [series, smoothing]);
  const axis = useMemo(() => axisOf(lines, levels, log), [lines, levels, log]);
  const scale = plotScale(axis, last, width);
  const index = at === null ? xs.length - 1 : nearestIndex(xs, at);
  const readings = lines.flatMap(({ name, colour, dash, smoothed: values }) => {
    const value = valueAt(values, index);
    return value === null ? [] : [{ name, colour, dash, value }];
  });
  const spoken = readings.map(({ name, value }) => `${name} ${formatValue(value)}`).join(', ');

  const pick = (to: number) => onPick(to >= xs.length - 1 ? null : xs[to]!);
  const pointed = (event: PointerEvent) => {
    const box = area.current!.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * last;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = indexAfter(event.key, event.shiftKey, index, xs.length);
    if (next === null) return;
    event.preventDefault();
    pick(next);
  };

  return (
    <div className="curve">
      <ValueTicks scale={scale} />
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
        <CurvePlot scale={scale} xs={xs} lines={lines} levels={levels} at={index >= 0 ? at : null} />
      </div>
      <CountTicks scale={scale} last={last} />
      <Labels labels={[...readings, ...levels]} scale={scale} />
    </div>
  );
}

function ValueTicks({ scale: { axis, y } }: { scale: PlotScale }) {
  return (
    <div className="curve-y" aria-hidden>
      {axis.ticks.map((tick) => (
        <span key={tick} style={{ insetBlockStart: y(tick) }}>
          {formatTick(tick)}
        </span>
      ))}
    </div>
  );
}

function CountTicks({ scale: { width, x }, last }: { scale: PlotScale; last: number }) {
  return (
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
  );
}

const LABEL_GAP = 17;

/** Names and values beside the ends of the lines, moved apart where they would cover each other. */
function Labels({ labels, scale }: { labels: readonly CurveLevel[]; scale: PlotScale }) {
  const wanted = labels.map((l) => scale.y(l.value));
  const places = spreadLabels(wanted, LABEL_GAP, HEIGHT);
  return (
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
  );
}

const formatTick = (value: number): string =>
  Math.abs(value) >= 1000 ? formatWhole(value) : String(Number(value.toPrecision(6))).replace('-', '−');
