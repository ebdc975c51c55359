import { RotateCcw } from 'lucide-react';
import { type FeatureName, type Method, PRESETS, type PresetName } from '../../distil/config';
import {
  type ConfigField,
  defaultSampleEvery,
  FEATURE_NAMES,
  fieldsOf,
  METHOD_NAMES,
  METHODS,
  PRESET_NAMES,
} from '../../state/distil-setup';
import { useApp, useDistil } from '../../state/react';
import { formatNumber, formatSmall } from '../../ui/format';
import { NumberField } from '../../ui/NumberField';
import { useSetup } from './use-setup';

const ABOUT: Record<Method, string> = {
  'gdd-i': 'GAN loss; the convolutions stay frozen',
  gdd: 'GAN loss; everything trains',
  imitation: 'For comparison: copies the teacher image by image',
};

export function MethodChoice() {
  const { controller } = useApp();
  const { config, base, preset } = useSetup();
  return (
    <section className="setup-part" aria-labelledby="distil-method">
      <header>
        <h2 id="distil-method">Method</h2>
        <p className="setup-intro secondary">Every number can be changed; the arrow sets it back.</p>
      </header>
      <div className="radios" role="radiogroup" aria-labelledby="distil-method">
        {METHODS.map((method) => (
          <label key={method} className="radio">
            <input
              type="radio"
              name="method"
              checked={config.method === method}
              onChange={() => controller.distil.configure({ method })}
            />
            <strong>{METHOD_NAMES[method]}</strong>
            <span className="secondary">{ABOUT[method]}</span>
          </label>
        ))}
      </div>
      <div className="params">
        <Choice
          label="Preset"
          value={preset}
          options={PRESET_NAMES}
          onChange={(value) => controller.distil.set({ preset: value as PresetName })}
        />
        {config.method !== 'imitation' && (
          <Choice
            label="Features"
            value={config.features}
            options={FEATURE_NAMES}
            changed={config.features !== PRESETS[preset].features}
            onReset={() => controller.distil.configure({ features: base.features })}
            onChange={(value) => controller.distil.configure({ features: value as FeatureName })}
          />
        )}
        {fieldsOf(config.method).map((field) => (
          <ConfigRow key={field.key} field={field} />
        ))}
        <SampleEvery />
        <MeasureImages />
      </div>
    </section>
  );
}

function ConfigRow({ field }: { field: ConfigField }) {
  const { controller } = useApp();
  const { config, base } = useSetup();
  const { key, label, range, min, max, whole, small } = field;
  return (
    <Row
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
    </Row>
  );
}

function SampleEvery() {
  const { controller } = useApp();
  const { config, sampleEvery } = useSetup();
  const usual = defaultSampleEvery(config);
  const set = (value: number) => controller.distil.set({ sampleEvery: value === usual ? null : value });
  return (
    <Row label="Samples every" range="steps" changed={sampleEvery !== usual} onReset={() => set(usual)}>
      <NumberField
        label="Samples every, steps"
        value={sampleEvery}
        min={1}
        max={100_000}
        step={1}
        whole
        onCommit={set}
      />
    </Row>
  );
}

function MeasureImages() {
  const { controller } = useApp();
  const images = useDistil((s) => s.setup.measureImages);
  const set = (value: number) => controller.distil.set({ measureImages: value });
  return (
    <Row label="Fréchet distance on" range="images; 0 is off" changed={images !== 0} onReset={() => set(0)}>
      <NumberField
        label="Images for the Fréchet distance"
        value={images}
        min={0}
        max={10_000}
        step={100}
        whole
        onCommit={(value) => set(value > 0 ? Math.max(64, value) : 0)}
      />
    </Row>
  );
}

interface RowProps {
  label: string;
  range?: string;
  changed: boolean;
  onReset?: () => void;
  children: React.ReactNode;
}

/** A value and, once it differs from the preset, the way back. */
function Row({ label, range, changed, onReset, children }: RowProps) {
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

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Record<T, string>;
  changed?: boolean;
  onReset?: () => void;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, changed, onReset, onChange }: ChoiceProps<T>) {
  return (
    <Row label={label} changed={changed ?? false} onReset={onReset}>
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
    </Row>
  );
}
