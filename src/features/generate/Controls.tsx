import { Suspense, useState } from 'react';
import {
  chosenSampler,
  defaultSteps,
  evaluations,
  MAX_STEPS,
  MIN_STEPS,
  ownSampler,
  SIGMA,
  START_SIGMA,
  TEMPERATURE,
} from '../../lib/sampling';
import { ariaKeys, keysOf } from '../../state/actions/shortcut';
import { MAX_COUNT } from '../../state/generate/view';
import type { ModelFacts } from '../../state/models';
import { useAction, useApp, useModel, usePrefs, useView } from '../../state/react';
import { BackendChoice } from '../../ui/BackendChoice';
import { Dock } from '../../ui/Dock';
import { part } from '../../ui/part';
import { Segmented } from '../../ui/Segmented';
import { Slider } from '../../ui/Slider';
import { StartSigma } from '../../ui/StartSigma';
import { Stepper } from '../../ui/Stepper';
import { ClassControl } from './ClassControl';
import { ModelPicker } from './ModelPicker';
import { ModeSwitch } from './ModeSwitch';
import { PublishedModels } from './PublishedModels';
import { RandomSeedButton } from './RandomSeedButton';
import { SeedControl } from './SeedControl';
import { SubjectCards } from './SubjectCards';
import { SAMPLER_OPTIONS } from './sampler-options';

export function Controls() {
  const model = useModel();
  return (
    <section className="controls" aria-label="Controls">
      <ModeSwitch />
      <Intro />
      <SubjectCards />
      <ModelPicker />
      <PublishedModels />
      <hr className="rule-line" />
      <Dock>
        <SeedControl />
        {model && model.labelDim > 0 && <ClassControl model={model} />}
      </Dock>
      {model && model.labelDim > 1 && <MixDoor key={model.key} model={model} />}
      <RandomSeedButton />
      <hr className="rule-line" />
      <SigmaControl model={model} />
      <TemperatureControl />
      {model?.ref.kind === 'opened' && <StartSigmaOf model={model} />}
      <Counts model={model} />
      <GenerateButton />
      <hr className="rule-line" />
      <RunsOn />
    </section>
  );
}

/** What this is, for somebody who has just come. */
function Intro() {
  const { showHelp } = useApp();
  return (
    <p className="intro">
      A diffusion model needs dozens of passes through a network to make an image. A one-step generator needs
      one, on your own device.{' '}
      <button type="button" className="link" onClick={showHelp}>
        Learn more
      </button>
    </p>
  );
}

const SIGMA_TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200].map((value) =>
  value === 1 || value === 10 || value === 100 || value === 0.1 ? { value, label: String(value) } : { value },
);

function SigmaControl({ model }: { model: ModelFacts | null }) {
  const { stores } = useApp();
  const own = model?.sigma ?? START_SIGMA;
  const sigma = useView((v) => v.sigma) ?? own;
  const set = (value: number) => stores.view.setState({ sigma: value === own ? null : value });
  return (
    <Slider
      log
      label="Start sigma"
      value={sigma}
      min={SIGMA.min}
      max={SIGMA.max}
      step={0.02}
      ticks={SIGMA_TICKS}
      valueText={String(sigma)}
      onChange={set}
      reset={{
        label: `Reset start sigma to ${own}`,
        changed: sigma !== own,
        onReset: () => set(own),
      }}
    />
  );
}

const TEMPERATURE_TICKS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2].map((value) =>
  Number.isInteger(value) ? { value, label: String(value) } : { value },
);

/** What the noise is multiplied by. */
function TemperatureControl() {
  const { stores } = useApp();
  const value = useView((v) => v.temperature);
  const set = (temperature: number) => stores.view.setState({ temperature });
  return (
    <Slider
      compact
      label="Temperature"
      value={value}
      {...TEMPERATURE}
      step={0.05}
      fine={0.01}
      ticks={TEMPERATURE_TICKS}
      onChange={(next) => set(Math.round(next * 1e4) / 1e4)}
      reset={{ label: 'Reset temperature to 1', changed: value !== 1, onReset: () => set(1) }}
    />
  );
}

const MixControl = part(() => import('./mix/MixControl'));

/** Closed until somebody mixes: then the classes and their weights. */
function MixDoor({ model }: { model: ModelFacts }) {
  const mixed = useView((v) => v.mix.length > 0);
  const [open, setOpen] = useState(false);
  if (open || mixed)
    return (
      <Suspense>
        <MixControl model={model} onClose={() => setOpen(false)} />
      </Suspense>
    );
  return (
    <button type="button" className="link mix-door" aria-expanded={false} onClick={() => setOpen(true)}>
      Mix with another class
    </button>
  );
}

function StartSigmaOf({ model }: { model: ModelFacts }) {
  const { controller } = useApp();
  return (
    <StartSigma
      value={model.sigma}
      from={model.sigmaFrom}
      second={model.sigmaMid}
      onChange={(sigma) => void controller.setStartSigma(model.key, sigma)}
    />
  );
}

function Counts({ model }: { model: ModelFacts | null }) {
  const { stores } = useApp();
  const { resolution, sigmaMid } = model ?? { resolution: 64, sigmaMid: null };
  const count = useView((v) => v.count);
  const sampler = useView((v) => v.sampler) ?? ownSampler({ sigmaMid });
  const steps = useView((v) => v.steps) ?? defaultSteps(resolution);
  return (
    <div className="counts">
      <div className="field">
        <span>Images</span>
        <Stepper
          label="Number of images"
          fewer="Fewer images"
          more="More images"
          value={count}
          min={1}
          max={MAX_COUNT}
          onChange={(value) => stores.view.setState({ count: value })}
        />
      </div>
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps"
          value={sampler}
          options={SAMPLER_OPTIONS}
          onChange={(value) => stores.view.setState({ sampler: chosenSampler(value, { sigmaMid }) })}
        />
      </div>
      {sampler === 'heun' && (
        <div className="field">
          <span>
            Heun steps <span className="caption">{evaluations({ sampler: 'heun', steps })} NFE</span>
          </span>
          <Stepper
            label="Number of Heun steps"
            fewer="Fewer steps"
            more="More steps"
            value={steps}
            min={MIN_STEPS}
            max={MAX_STEPS}
            onChange={(value) =>
              stores.view.setState({ steps: value === defaultSteps(resolution) ? null : value })
            }
          />
        </div>
      )}
    </div>
  );
}

function GenerateButton() {
  const { action, perform } = useAction('generate');
  const { shortcut = '' } = action;
  return (
    <button
      type="button"
      className="button primary generate-button"
      aria-keyshortcuts={ariaKeys(shortcut)}
      onClick={perform}
    >
      {action.name} <kbd aria-hidden>{keysOf(shortcut)}</kbd>
    </button>
  );
}

function RunsOn() {
  const { controller } = useApp();
  const backend = usePrefs((p) => p.backend);
  return (
    <div className="field">
      <span>Run on</span>
      <BackendChoice value={backend} onChange={(value) => void controller.chooseBackend(value)} />
    </div>
  );
}
