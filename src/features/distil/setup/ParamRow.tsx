import { RotateCcw } from 'lucide-react';
import type { ConfigChoice, ConfigField } from '../../../state/distil/fields';
import { useApp } from '../../../state/react';
import { formatNumber, formatSmall } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { useSetup } from '../use-setup';

interface RowProps {
  label: string;
  range?: string;
  changed: boolean;
  onReset?: () => void;
  children: React.ReactNode;
}

/** A value and, once it differs from the preset, the way back. */
export function ParamRow({ label, range, changed, onReset, children }: RowProps) {
  return (
    <div className="param">
      <span>
        {label} {range && <span className="caption">{range}</span>}
      </span>
      {children}
      {onReset ? (
        <button
          type="button"
          className="icon-button reset"
          aria-label={`Reset ${label}`}
          title={`Reset ${label}`}
          disabled={!changed}
          onClick={onReset}
        >
          <RotateCcw aria-hidden />
        </button>
      ) : (
        <span />
      )}
    </div>
  );
}

interface NumberProps {
  label: string;
  range: string;
  /** Accessible name of the field; the label where it is left out. */
  name?: string;
  value: number;
  /** What the value is reset to. */
  usual: number;
  min: number;
  max: number;
  step?: number;
  whole?: boolean;
  format?: (value: number) => string;
  onChange: (value: number) => void;
  /** Takes what was typed; `onChange` where it is left out. */
  onCommit?: (value: number) => void;
}

export function NumberRow({
  label,
  range,
  name = label,
  value,
  usual,
  onChange,
  onCommit = onChange,
  ...field
}: NumberProps) {
  return (
    <ParamRow label={label} range={range} changed={value !== usual} onReset={() => onChange(usual)}>
      <NumberField label={name} value={value} onCommit={onCommit} {...field} />
    </ParamRow>
  );
}

/** A number of the configuration. */
export function ConfigRow({ field }: { field: ConfigField }) {
  const { controller } = useApp();
  const { config, base } = useSetup();
  const { key, label, range, min, max, whole, small } = field;
  return (
    <NumberRow
      label={label}
      range={range}
      value={config[key]}
      usual={base[key]}
      min={min}
      max={max}
      step={whole ? 1 : undefined}
      whole={whole}
      format={small ? formatSmall : formatNumber}
      onChange={(value) => controller.distil.configure({ [key]: value })}
    />
  );
}

/** A choice of the configuration. */
export function ConfigChoiceRow({ choice: { key, label, names } }: { choice: ConfigChoice }) {
  const { controller } = useApp();
  const { config, base } = useSetup();
  const choose = (value: string) => controller.distil.configure({ [key]: value });
  return (
    <ChoiceRow
      label={label}
      value={config[key]}
      options={names}
      changed={config[key] !== base[key]}
      onReset={() => choose(base[key])}
      onChange={choose}
    />
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Readonly<Record<T, string>>;
  changed?: boolean;
  onReset?: () => void;
  onChange: (value: T) => void;
}

export function ChoiceRow<T extends string>({
  label,
  value,
  options,
  changed,
  onReset,
  onChange,
}: ChoiceProps<T>) {
  return (
    <ParamRow label={label} changed={changed ?? false} onReset={onReset}>
      <select
        className="select"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {(Object.entries(options) as [T, string][]).map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </ParamRow>
  );
}
