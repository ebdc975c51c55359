import { Download } from 'lucide-react';
import { useRef } from 'react';
import { asInnateError } from '../../lib/errors';
import { LEVELS } from '../../lib/noise-levels';
import { comparable } from '../../state/layers/pair';
import { sigmaText } from '../../state/layers/summary';
import { INPUTS, MAP_QUANTITIES, SAMPLES, SCALES } from '../../state/layers/view';
import type { ModelFacts } from '../../state/models';
import { useApp, useModels } from '../../state/react';
import { Segmented } from '../../ui/Segmented';
import { Stepper } from '../../ui/Stepper';
import { NARROW, useMedia } from '../../ui/use-space';
import { type FigureFormat, saveFindings } from './save';
import { useLayers, useLayersController } from './use-layers';
import { INPUT_WORDS, QUANTITY_WORDS, SCALE_WORDS } from './words';
import './Toolbar.css';

/** What is measured, of which networks, and how it is coloured. */
export function Toolbar() {
  const narrow = useMedia(NARROW);
  const { view } = useLayers((s) => ({ view: s.view }));
  if (!narrow)
    return (
      <section className="layers-tools" aria-label="What the map shows">
        <Networks />
        <Choices />
        <Export />
      </section>
    );
  return (
    <details className="layers-fold">
      <summary>{QUANTITY_WORDS[view.quantity].name}: settings</summary>
      <section className="layers-tools" aria-label="What the map shows">
        <Networks />
        <Choices />
        <Export />
      </section>
    </details>
  );
}

function Choices() {
  const layers = useLayersController();
  const { view, findings } = useLayers((s) => ({ view: s.view, findings: s.findings }));
  return (
    <>
      <label className="tool">
        <span>Quantity</span>
        <select
          className="select"
          value={view.quantity}
          onChange={(event) =>
            layers.set({ quantity: MAP_QUANTITIES.find((q) => q === event.currentTarget.value) ?? 'rms' })
          }
        >
          {MAP_QUANTITIES.map((q) => (
            <option key={q} value={q}>
              {QUANTITY_WORDS[q].name}
            </option>
          ))}
        </select>
      </label>
      <div className="tool">
        <span>Shown to the network</span>
        <Segmented
          label="Input"
          value={view.input ?? (findings?.input as (typeof INPUTS)[number] | undefined) ?? 'noised'}
          options={INPUTS.map((value) => ({
            value,
            label: INPUT_WORDS[value].name,
            title: INPUT_WORDS[value].means,
          }))}
          onChange={(input) => layers.set({ input })}
        />
      </div>
      <div className="tool">
        <span>Colours</span>
        <Segmented
          label="Colour scale"
          value={view.scale}
          options={SCALES.map((value) => ({
            value,
            label: SCALE_WORDS[value].name,
            title: SCALE_WORDS[value].means,
          }))}
          onChange={(scale) => layers.set({ scale })}
        />
      </div>
      <More />
    </>
  );
}

/** Columns and samples: what one changes rarely. */
function More() {
  const layers = useLayersController();
  const view = useLayers((s) => s.view);
  return (
    <>
      <div className="tool">
        <span>Sigmas</span>
        <span className="tool-pair">
          <Segmented
            label="Spacing of the sigmas"
            value={view.spacing}
            options={[
              { value: 'heun', label: 'Heun', title: 'The noise levels of the teacher’s sampler' },
              { value: 'log', label: 'Log', title: 'Equal ratios from 80 to 0.002' },
            ]}
            onChange={(spacing) => layers.set({ spacing })}
          />
          <Stepper
            label="Number of sigmas"
            fewer="Fewer sigmas"
            more="More sigmas"
            value={view.levels}
            min={LEVELS.min}
            max={LEVELS.max}
            onChange={(levels) => layers.set({ levels })}
          />
        </span>
      </div>
      <div className="tool">
        <span>Images</span>
        <Stepper
          label="Number of images averaged"
          fewer="Fewer images"
          more="More images"
          value={view.samples}
          min={SAMPLES.min}
          max={SAMPLES.max}
          onChange={(samples) => layers.set({ samples })}
        />
      </div>
    </>
  );
}

function Networks() {
  const { controller } = useApp();
  const layers = useLayersController();
  const models = useModels();
  const pair = useLayers((s) => s.pair);
  if (!pair) return null;
  const others = models.filter((m) => comparable(m, pair.map));
  const options = (list: readonly ModelFacts[]) =>
    list.map((m) => (
      <option key={m.key} value={m.key}>
        {m.name}
      </option>
    ));
  return (
    <>
      <label className="tool">
        <span className={pair.map.role === 'teacher' ? 'is-teacher' : undefined}>
          Network over all sigmas
        </span>
        <select
          className="select"
          value={pair.map.key}
          onChange={(event) => {
            layers.set({ partner: null, row: null, gains: {}, open: [] });
            controller.selectModel(event.currentTarget.value);
          }}
        >
          {options(models.filter((m) => m.role !== 'student' || m.key === pair.map.key))}
        </select>
      </label>
      <label className="tool">
        <span className="is-student">
          {pair.student ? `Student at ${sigmaText(pair.student.sigma)}` : 'Student'}
        </span>
        <select
          className="select"
          value={pair.student?.key ?? 'none'}
          onChange={(event) => {
            controller.selectModel(pair.map.key);
            layers.set({ partner: event.currentTarget.value });
          }}
        >
          <option value="none">None</option>
          {options(others)}
        </select>
      </label>
    </>
  );
}

const FORMATS: { value: FigureFormat; label: string }[] = [
  { value: 'png', label: 'Picture, PNG' },
  { value: 'svg', label: 'Drawing, SVG' },
  { value: 'csv', label: 'Numbers, CSV' },
  { value: 'json', label: 'Numbers, JSON' },
];

function Export() {
  const { announce } = useApp();
  const { store } = useLayersController();
  const ready = useLayers((s) => s.findings !== null);
  const menu = useRef<HTMLDetailsElement>(null);
  if (!ready) return null;
  return (
    <details ref={menu} className="export">
      <summary className="button">
        <Download aria-hidden />
        Export
      </summary>
      <ul>
        {FORMATS.map(({ value, label }) => (
          <li key={value}>
            <button
              type="button"
              onClick={async () => {
                menu.current!.open = false;
                const line = saveFindings(store.getState(), value);
                announce(await line.catch((error) => `Not saved: ${asInnateError(error).describe()}`));
              }}
            >
              {label}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
