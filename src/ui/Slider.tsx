import { RotateCcw } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { NumberField } from './NumberField';
import './Slider.css';
import { type SliderScale, toPosition } from './slider-scale';
import { useRange } from './use-range';

interface SliderBasics extends SliderScale {
  label: string;
  value: number;
  onChange: (value: number) => void;
  /** Where keys and the field may go beyond the scale that is shown. */
  limits?: { min: number; max: number };
  /** Drawn hollow: the value is not set but follows from something else. */
  implied?: boolean;
  valueText?: string;
  /** A short text shown beside the label. */
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
  children?: ReactNode;
}

interface ResetProps {
  /** What the button does, in words. */
  label: string;
  changed: boolean;
  onReset: () => void;
}

/**
 * A slider has a field and a way back to its default. Where both stand apart from the rule, `apart` is the id that the
 * `ResetButton` there names.
 */
export type SliderProps = SliderBasics &
  ({ reset: ResetProps; apart?: undefined } | { apart: string; reset?: undefined });

/**
 * A graduated rule with a marker, and its numeric twin. With Alt or Shift a drag snaps to multiples of `fine`, and a
 * pixel is worth one.
 */
export function Slider(props: SliderProps) {
  const { label, value, min, max, step, log, ticks, reset, compact, apart } = props;
  const own = useId();
  const id = apart ?? own;
  const input = useRange(props);
  const scale: SliderScale = log ? { min, max, step, log } : { min, max, step };
  return (
    <div className={compact ? 'slider compact' : 'slider'}>
      <label htmlFor={id}>
        <span>{label}</span>
      </label>
      {props.note && <span className="slider-note">{props.note}</span>}
      {reset && <Twin {...props} />}
      {reset && <ResetButton of={id} {...reset} />}
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
          min={toPosition(scale, min)}
          max={toPosition(scale, max)}
          defaultValue={toPosition(scale, value)}
        />
      </div>
      {!compact && <TickLabels scale={scale} ticks={ticks} />}
      {props.children}
    </div>
  );
}

/** The same value as a number that can be typed. */
function Twin(props: SliderProps) {
  const { label, value, min, max, step, log, limits } = props;
  return (
    <NumberField
      label={`${label} value`}
      value={value}
      text={props.fieldText}
      step={log ? undefined : step}
      whole={isWhole(props)}
      onText={props.onText}
      min={limits?.min ?? min}
      max={limits?.max ?? max}
      format={props.format}
      onCommit={(v) => props.onChange(v)}
    />
  );
}

/**
 * Resets the slider of that id. The button's room stays where there is nothing to reset; once pressed it goes away, and
 * the slider has the focus.
 */
export function ResetButton({ of, label, changed, onReset }: ResetProps & { of: string }) {
  return (
    <button
      type="button"
      className="icon-button slider-reset"
      aria-label={label}
      aria-controls={of}
      title={label}
      disabled={!changed}
      onClick={() => {
        onReset();
        document.getElementById(of)?.focus();
      }}
    >
      <RotateCcw aria-hidden />
    </button>
  );
}

function percent(scale: SliderScale, value: number): number {
  const low = toPosition(scale, scale.min);
  return ((toPosition(scale, value) - low) / (toPosition(scale, scale.max) - low || 1)) * 100;
}

interface TicksProps {
  scale: SliderScale;
  ticks: SliderProps['ticks'];
}

function Ticks({ scale, ticks }: TicksProps) {
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

function TickLabels({ scale, ticks }: TicksProps) {
  return (
    <div className="scale" aria-hidden>
      {ticks.map(({ value, label }) =>
        label === undefined ? null : (
          <span
            key={value}
            className={value === scale.min ? 'first' : value === scale.max ? 'last' : undefined}
            style={{ insetInlineStart: `${percent(scale, value)}%` }}
          >
            {label}
          </span>
        ),
      )}
    </div>
  );
}

/** Whether the scale means whole numbers alone: what is typed is then rounded. */
const isWhole = ({ step, fine, log, min }: SliderScale) =>
  !log && fine === undefined && Number.isInteger(step) && Number.isInteger(min);
