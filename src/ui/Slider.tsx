import { RotateCcw } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { NumberField } from './NumberField';
import './Slider.css';
import { keyPosition, type SliderScale, snap, toPosition, toValue } from './slider-scale';

export interface SliderProps extends SliderScale {
  label: string;
  value: number;
  onChange: (value: number) => void;
  /** Where keys and the field may go beyond the scale that is shown. */
  limits?: { min: number; max: number };
  reset?: { label: string; changed: boolean; onReset: () => void };
  /** Drawn hollow: the value is not set but follows from something else. */
  implied?: boolean;
  valueText?: string;
  /** Beside the label. */
  note?: ReactNode;
  /** Steps between long ticks, and the labels under them. */
  ticks: { value: number; label?: string }[];
  format?: (value: number) => string;
  /** One line high, without labels under the ticks. */
  compact?: boolean;
  /** Instead of the number, e.g. while a value is implied. */
  fieldText?: string;
  /** Takes a word typed into the field; says whether it knows it. */
  onText?: (text: string) => boolean;
  /** Without the numeric twin, where the number is not what one would type. */
  plain?: boolean;
  children?: ReactNode;
}

/**
 * A graduated rule with a marker, and its numeric twin. With Alt or Shift a drag snaps to multiples of `fine`, and a
 * pixel is worth one. The range input is uncontrolled and its native events
 * are used: the marker never waits for a render, and setting the value that is already shown still counts.
 */
export function Slider(props: SliderProps) {
  const { label, value, min, max, step, log, ticks, reset, compact } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const scale: SliderScale = log ? { min, max, step, log } : { min, max, step };
  const low = toPosition(scale, min);
  const high = toPosition(scale, max);

  useEffect(() => {
    const element = input.current!;
    element.min = String(low);
    element.max = String(high);
    element.value = String(toPosition(latest.current, value));
  }, [value, low, high]);

  useEffect(() => listen(input.current!, () => latest.current), []);

  return (
    <div className={compact ? 'slider compact' : 'slider'}>
      <label htmlFor={id}>
        <span>{label}</span>
      </label>
      {props.note && <span className="slider-note">{props.note}</span>}
      {!props.plain && (
        <NumberField
          label={`${label} value`}
          value={value}
          text={props.fieldText}
          step={log ? undefined : step}
          whole={isWhole(props)}
          onText={props.onText}
          min={props.limits?.min ?? min}
          max={props.limits?.max ?? max}
          format={props.format}
          onCommit={(v) => props.onChange(v)}
        />
      )}
      {reset ? (
        <button
          type="button"
          className="icon-button slider-reset"
          aria-label={reset.label}
          title={reset.label}
          disabled={!reset.changed}
          onClick={() => {
            reset.onReset();
            input.current?.focus(); // the button goes away
          }}
        >
          <RotateCcw aria-hidden />
        </button>
      ) : (
        <span className="slider-reset" />
      )}
      <div className="rule">
        <Ticks scale={scale} ticks={ticks} />
        <input
          ref={input}
          id={id}
          type="range"
          step="any"
          className={props.implied ? 'implied' : undefined}
          aria-valuetext={props.valueText}
          // Where the element is built before the effect sets them, so that no frame shows 50 of 100.
          min={low}
          max={high}
          defaultValue={toPosition(scale, value)}
        />
      </div>
      {!compact && (
        <div className="scale" aria-hidden>
          {ticks.map((tick) =>
            tick.label === undefined ? null : (
              <span
                key={tick.value}
                className={tick.value === min ? 'first' : tick.value === max ? 'last' : undefined}
                style={{ insetInlineStart: `${percent(scale, tick.value)}%` }}
              >
                {tick.label}
              </span>
            ),
          )}
        </div>
      )}
      {props.children}
    </div>
  );
}

function percent(scale: SliderScale, value: number): number {
  const low = toPosition(scale, scale.min);
  return ((toPosition(scale, value) - low) / (toPosition(scale, scale.max) - low || 1)) * 100;
}

function Ticks({ scale, ticks }: { scale: SliderScale; ticks: SliderProps['ticks'] }) {
  return (
    <svg className="ticks" aria-hidden="true">
      <line x1="0" x2="100%" y1=".5" y2=".5" />
      {ticks.map((tick) => {
        const x = `${percent(scale, tick.value)}%`;
        return <line key={tick.value} x1={x} x2={x} y1="0" y2={tick.label === undefined ? '5' : '9'} />;
      })}
    </svg>
  );
}

/** Pointer, key and input events of the range element; values go to the newest props. */
function listen(element: HTMLInputElement, props: () => SliderProps): () => void {
  const ends = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => element.addEventListener(type, listener, { signal: ends.signal });

  const set = (position: number, wide = false) => {
    const { min, max, limits } = props();
    const [low, high] = wide && limits ? [limits.min, limits.max] : [min, max];
    const value = Math.min(high, Math.max(low, toValue(props(), position)));
    element.value = String(toPosition(props(), value));
    props().onChange(value);
  };

  // Where the drag is, in positions: relative to the last event, so that fine and coarse can alternate.
  let drag: { x: number; position: number } | null = null;
  let touching = false;
  const perPixel = () => (Number(element.max) - Number(element.min)) / Math.max(1, element.clientWidth - 12);

  on('pointerdown', (event) => {
    if (event.button !== 0) return;
    touching = event.pointerType === 'touch';
    if (touching) return; // the browser's own drag: it knows when a finger scrolls
    event.preventDefault();
    element.focus({ focusVisible: false } as FocusOptions);
    element.setPointerCapture(event.pointerId);
    const offset = event.clientX - element.getBoundingClientRect().left - 6;
    const position = isFine(event, props())
      ? Number(element.value)
      : Number(element.min) + offset * perPixel();
    drag = { x: event.clientX, position };
    if (!isFine(event, props())) set(snap(position, props().step));
  });
  on('pointermove', (event) => {
    if (!drag) return;
    const { fine, step } = props();
    const precise = fine !== undefined && isFine(event, props());
    const moved = (event.clientX - drag.x) * (precise ? fine : perPixel());
    const ends = [Number(element.min), Number(element.max)] as const;
    drag = { x: event.clientX, position: drag.position + moved };
    // Beyond the ends the hand has to come back before the marker does, as with any slider.
    const inside = Math.min(ends[1], Math.max(ends[0], drag.position));
    if (moved !== 0) set(snap(inside, precise ? fine : step));
  });
  for (const type of ['pointerup', 'pointercancel'] as const)
    on(type, () => {
      drag = null;
      touching = false;
    });

  on('input', () => {
    const position = Number(element.value);
    set(touching ? snap(position, props().step) : position);
  });
  on('keydown', (event) => {
    const position = keyPosition(props(), Number(element.value), event.key, event);
    if (position === null) return;
    event.preventDefault();
    set(position, true);
  });
  on('dblclick', () => props().reset?.onReset());
  return () => ends.abort();
}

/** Whether the scale means whole numbers alone: what is typed is then rounded. */
const isWhole = ({ step, fine, log, min }: SliderScale) =>
  !log && fine === undefined && Number.isInteger(step) && Number.isInteger(min);

const isFine = (event: PointerEvent, { fine }: SliderProps) =>
  fine !== undefined && (event.altKey || event.shiftKey);
