import { Minus, Plus } from 'lucide-react';
import { NumberField } from './NumberField';
import './Stepper.css';

interface Props {
  label: string;
  fewer: string;
  more: string;
  value: number;
  min: number;
  max: number;
  onChange: (value: number) => void;
}

export function Stepper({ label, fewer, more, value, min, max, onChange }: Props) {
  return (
    <span className="stepper">
      <button
        type="button"
        className="icon-button"
        aria-label={fewer}
        title={fewer}
        disabled={value <= min}
        onClick={() => onChange(value - 1)}
      >
        <Minus aria-hidden />
      </button>
      <NumberField label={label} value={value} min={min} max={max} step={1} whole onCommit={onChange} />
      <button
        type="button"
        className="icon-button"
        aria-label={more}
        title={more}
        disabled={value >= max}
        onClick={() => onChange(value + 1)}
      >
        <Plus aria-hidden />
      </button>
    </span>
  );
}
