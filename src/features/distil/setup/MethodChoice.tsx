import { Suspense } from 'react';
import { isAdversarial, type Method, type PresetName } from '../../../distil/config';
import { choicesOf, fieldsOf, METHOD_NAMES, METHODS, PRESET_NAMES } from '../../../state/distil/fields';
import { defaultSampleEvery, fewImages } from '../../../state/distil/setup';
import { useApp } from '../../../state/react';
import { part } from '../../../ui/part';
import { CompareMethods } from '../claim/CompareMethods';
import { useSetup } from '../use-setup';
import { AugmentSwitch } from './AugmentSwitch';
import { PaperFileRows } from './PaperFileRows';
import { ChoiceRow, ConfigChoiceRow, ConfigRow, NumberRow } from './ParamRow';
import { PrecisionRow } from './PrecisionRow';
import { RadioRow } from './RadioRow';
import { StudentSteps } from './StudentSteps';

/** Loaded beside the settings, which do not wait for it. */
const WhatTrains = part(() => import('../lab/WhatTrains'));

const ABOUT: Record<Method, string> = {
  'gdd-i': 'Learns from real images; the convolutions stay as the teacher has them',
  gdd: 'Learns from real images; everything trains',
  imitation: 'For comparison: copies the teacher image by image',
  cd: 'For comparison: consistency distillation, one image for all noise levels of a path',
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
          <RadioRow
            key={method}
            group="method"
            title={METHOD_NAMES[method]}
            about={ABOUT[method]}
            checked={config.method === method}
            onChoose={() => controller.distil.configure(method === 'cd' ? { method, nfe: 1 } : { method })}
          />
        ))}
      </div>
      <Suspense fallback={null}>
        <WhatTrains />
      </Suspense>
      <div className="params">
        <ChoiceRow
          label="Preset"
          value={preset}
          options={PRESET_NAMES}
          onChange={(value) => controller.distil.set({ preset: value as PresetName })}
        />
        {config.method !== 'cd' && <StudentSteps />}
        <PaperFileRows />
        {fieldsOf(config, false).map((field) => (
          <ConfigRow key={field.key} field={field} />
        ))}
        {!isAdversarial(config.method) && <Choices method={config.method} />}
        <SampleEvery />
        <Measured />
      </div>
      <details className="more-numbers">
        <summary>More numbers</summary>
        <MoreNumbers />
      </details>
      <CompareMethods />
    </section>
  );
}

function MoreNumbers() {
  const { controller } = useApp();
  const setup = useSetup();
  const { config } = setup;
  return (
    <div className="params">
      {fieldsOf(config, true).map((field) => (
        <ConfigRow key={field.key} field={field} />
      ))}
      <PrecisionRow />
      {isAdversarial(config.method) && (
        <>
          <Choices method={config.method} />
          <label className="check">
            <input
              type="checkbox"
              checked={config.shareFakes}
              onChange={(event) => controller.distil.configure({ shareFakes: event.currentTarget.checked })}
            />
            Both networks learn from the same generated images
          </label>
          {fewImages(setup) === null && <AugmentSwitch />}
        </>
      )}
    </div>
  );
}

const Choices = ({ method }: { method: Method }) =>
  choicesOf(method).map((choice) => <ConfigChoiceRow key={choice.key} choice={choice} />);

function SampleEvery() {
  const { controller } = useApp();
  const { config, sampleEvery } = useSetup();
  const usual = defaultSampleEvery(config);
  return (
    <NumberRow
      label="Samples every"
      range="steps"
      name="Samples every, steps"
      value={sampleEvery}
      usual={usual}
      min={1}
      max={100_000}
      step={1}
      whole
      onChange={(value) => controller.distil.set({ sampleEvery: value === usual ? null : value })}
    />
  );
}

/** The rows on how the student is measured on the way. */
function Measured() {
  const { controller } = useApp();
  const { measureImages, measureEvery, usual } = useSetup();
  const set = (value: number) =>
    controller.distil.set({ measureImages: value === usual.measureImages ? null : value });
  return (
    <>
      <NumberRow
        label="Images per quality check"
        range="0 = off"
        value={measureImages}
        usual={usual.measureImages}
        min={0}
        max={10_000}
        step={100}
        whole
        onChange={set}
        onCommit={(value) => set(value > 0 ? Math.max(64, value) : 0)}
      />
      {measureImages > 0 && (
        <NumberRow
          label="Quality check every"
          range="images"
          name="Quality check every, images"
          value={measureEvery}
          usual={usual.measureEvery}
          min={1}
          max={10_000_000}
          step={100}
          whole
          onChange={(value) =>
            controller.distil.set({ measureEvery: value === usual.measureEvery ? null : value })
          }
        />
      )}
    </>
  );
}
