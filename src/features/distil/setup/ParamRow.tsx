import { RotateCcw } from 'lucide-react';
import type { ConfigField } from '../../../state/distil/fields';
import { useApp } from '../../../state/react';
import { formatNumber, formatSmall } from '../../../ui/format';
import { NumberField } from '../../../ui/NumberField';
import { useSetup } from './use-setup';

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

/** A number of the configuration. */
export function ConfigRow({ field }: { field: ConfigField }) {
  const { controller } = useApp();
  const { config, base } = useSetup();
  const { key, label, range, min, max, whole, small } = field;
  return (
    <ParamRow
      label={label}
      range={range}
      changed={config[key] !== base[key]}
      onReset={() => controller.distil.configure({ [key]: base[key] })}
    >
      <NumberField
        label={label}
        value={config[key]}
        min={min}
        max={max}
        step={whole ? 1 : undefined}
        whole={whole}
        format={small ? formatSmall : formatNumber}
        onCommit={(value) => controller.distil.configure({ [key]: value })}
      />
    </ParamRow>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Record<T, string>;
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
