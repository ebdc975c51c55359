import { type FeatureName, type Method, PRESETS, type PresetName } from '../../../distil/config';
import {
  FEATURE_NAMES,
  fieldsOf,
  HEAD_NAMES,
  LOSS_NAMES,
  METHOD_NAMES,
  METHODS,
  PRESET_NAMES,
} from '../../../state/distil/fields';
import { defaultSampleEvery } from '../../../state/distil/setup';
import { useApp } from '../../../state/react';
import { NumberField } from '../../../ui/NumberField';
import { ChoiceRow, ConfigRow, ParamRow } from './ParamRow';
import { useSetup } from './use-setup';

const ABOUT: Record<Method, string> = {
  'gdd-i': 'Learns from real images; the convolutions stay as the teacher has them',
  gdd: 'Learns from real images; everything trains',
  imitation: 'For comparison: copies the teacher image by image',
};

export function MethodChoice() {
  const { controller } = useApp();
  const { config, preset } = useSetup();
  return (
    <section className="setup-part" aria-labelledby="distil-method">
      <header>
        <h2 id="distil-method">Method</h2>
        <p className="setup-intro secondary">The defaults work. You can change and reset any value.</p>
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
        <ChoiceRow
          label="Preset"
          value={preset}
          options={PRESET_NAMES}
          onChange={(value) => controller.distil.set({ preset: value as PresetName })}
        />
        {fieldsOf(config.method, false).map((field) => (
          <ConfigRow key={field.key} field={field} />
        ))}
        <SampleEvery />
        <Measured />
      </div>
      <details className="more-numbers">
        <summary>More numbers</summary>
        <MoreNumbers />
      </details>
    </section>
  );
}

function MoreNumbers() {
  const { controller } = useApp();
  const { config, base, preset } = useSetup();
  const { configure } = controller.distil;
  return (
    <div className="params">
      {fieldsOf(config.method, true).map((field) => (
        <ConfigRow key={field.key} field={field} />
      ))}
      {config.method !== 'imitation' && (
        <>
          <ChoiceRow
            label="Features"
            value={config.features}
            options={FEATURE_NAMES}
            changed={config.features !== PRESETS[preset].features}
            onReset={() => configure({ features: base.features })}
            onChange={(features: FeatureName) => configure({ features })}
          />
          <ChoiceRow
            label="Heads"
            value={config.heads}
            options={HEAD_NAMES}
            changed={config.heads !== base.heads}
            onReset={() => configure({ heads: base.heads })}
            onChange={(heads) => configure({ heads })}
          />
          <ChoiceRow
            label="Loss"
            value={config.lossMean}
            options={LOSS_NAMES}
            changed={config.lossMean !== base.lossMean}
            onReset={() => configure({ lossMean: base.lossMean })}
            onChange={(lossMean) => configure({ lossMean })}
          />
          <label className="check">
            <input
              type="checkbox"
              checked={config.shareFakes}
              onChange={(event) => configure({ shareFakes: event.currentTarget.checked })}
            />
            Both networks learn from the same generated images
          </label>
        </>
      )}
    </div>
  );
}

function SampleEvery() {
  const { controller } = useApp();
  const { config, sampleEvery } = useSetup();
  const usual = defaultSampleEvery(config);
  const set = (value: number) => controller.distil.set({ sampleEvery: value === usual ? null : value });
  return (
    <ParamRow label="Samples every" range="steps" changed={sampleEvery !== usual} onReset={() => set(usual)}>
      <NumberField
        label="Samples every, steps"
        value={sampleEvery}
        min={1}
        max={100_000}
        step={1}
        whole
        onCommit={set}
      />
    </ParamRow>
  );
}

/** How good the student is, on the way. */
function Measured() {
  const { controller } = useApp();
  const { measureImages, measureEvery, usual } = useSetup();
  const set = (value: number) =>
    controller.distil.set({ measureImages: value === usual.measureImages ? null : value });
  const setEvery = (value: number) =>
    controller.distil.set({ measureEvery: value === usual.measureEvery ? null : value });
  return (
    <>
      <ParamRow
        label="Images per quality check"
        range="0 = off"
        changed={measureImages !== usual.measureImages}
        onReset={() => set(usual.measureImages)}
      >
        <NumberField
          label="Images per quality check"
          value={measureImages}
          min={0}
          max={10_000}
          step={100}
          whole
          onCommit={(value) => set(value > 0 ? Math.max(64, value) : 0)}
        />
      </ParamRow>
      {measureImages > 0 && (
        <ParamRow
          label="Quality check every"
          range="images"
          changed={measureEvery !== usual.measureEvery}
          onReset={() => setEvery(usual.measureEvery)}
        >
          <NumberField
            label="Quality check every, images"
            value={measureEvery}
            min={1}
            max={10_000_000}
            step={100}
            whole
            onCommit={setEvery}
          />
        </ParamRow>
      )}
    </>
  );
}
