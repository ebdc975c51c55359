import { Ruler } from 'lucide-react';
import { useEffect, useState } from 'react';
import { defaultSteps, evaluations, ownSampler } from '../../lib/sampling';
import { counted } from '../../lib/words';
import type { MeasureFeatures, MeasureRequest, MeasureResult } from '../../protocol/measure';
import type { DataRef } from '../../protocol/models';
import { fittingPack, misfit, type SamplePack } from '../../state/distil/packs';
import { isUnderWay } from '../../state/distil/store';
import type { ModelFacts } from '../../state/models';
import { useApp, useDistil, useMeasure } from '../../state/react';
import { Dialog } from '../../ui/Dialog';
import { FileButton } from '../../ui/FileButton';
import { Note } from '../../ui/Note';
import { NumberField } from '../../ui/NumberField';
import { ProgressLine } from '../../ui/ProgressLine';
import { Segmented } from '../../ui/Segmented';
import { FeaturesChoice } from './FeaturesChoice';
import { lineOf, Result } from './MeasureResult';

/** Images of a distance: enough for two digits, few enough for a processor. */
const USUAL = 300;

/** The button, and what was measured of a model on this page. */
export function MeasureButton({ model }: { model: ModelFacts }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button"
        aria-label={`Measure ${model.name}`}
        onClick={() => setOpen(true)}
      >
        <Ruler aria-hidden />
        Measure
      </button>
      {open && <MeasureDialog model={model} onClose={() => setOpen(false)} />}
    </>
  );
}

export function Measured({ model }: { model: Pick<ModelFacts, 'key'> }) {
  const results = useMeasure((s) => s.results[model.key] ?? NONE);
  return results.map((result) => (
    <p key={lineOf(result)} className="caption">
      Measured here: {lineOf(result)}.
    </p>
  ));
}

// Constants: a selector that makes a new list each time would never come to rest.
const NONE: readonly MeasureResult[] = [];
const NO_PACKS: readonly SamplePack[] = [];

function MeasureDialog({ model, onClose }: { model: ModelFacts; onClose: () => void }) {
  const { controller } = useApp();
  const { packs, busy } = useDistil((s) => ({ packs: s.packs ?? NO_PACKS, busy: isUnderWay(s.run) }));
  const { work, error, results } = useMeasure((s) => ({
    work: s.work,
    error: s.error,
    results: s.results[model.key] ?? NONE,
  }));
  const [chosen, setChosen] = useState<string | null>(null);
  const [own, setOwn] = useState<OwnFiles | null>(null);
  const [count, setCount] = useState(USUAL);
  const [features, setFeatures] = useState<MeasureFeatures>('resnet56');
  const [inception, setInception] = useState<File | null>(null);
  const [sampler, setSampler] = useState<MeasuredSampler>(
    model.role === 'teacher' ? 'heun' : ownSampler(model),
  );
  useEffect(() => void controller.inside.loadPacks(), [controller]);
  const fitting = packs.filter((pack) => misfit(pack, model) === null);
  const pack = fitting.find((p) => p.id === chosen) ?? fittingPack(packs, model);
  const data: DataRef | null = own ?? (pack && { kind: 'pack', id: pack.id });
  const mine = work?.key === model.key;
  const progress = mine ? work.progress : null;
  return (
    <Dialog title={`Measure ${model.name}`} onClose={onClose}>
      <p className="secondary">
        The Fréchet distance says how far the model’s images are from real ones. The floor is the distance
        between two sets of real images; no model is expected to do better. Kernel distance, precision and
        recall come with it.
      </p>
      <RealImages packs={fitting} pack={pack} own={own} onPack={setChosen} onOwn={setOwn} />
      <FeaturesChoice
        features={features}
        inception={inception}
        onFeatures={setFeatures}
        onInception={setInception}
      />
      <Amount model={model} count={count} sampler={sampler} onCount={setCount} onSampler={setSampler} />
      {mine && (
        <ProgressLine
          what={progress ? progress.what : 'Preparing'}
          detail={model.name}
          value={progress && progress.total > 0 ? progress.done / progress.total : null}
        />
      )}
      {error?.key === model.key && <Note tone="error">{error.line}</Note>}
      {results[0] && !mine && <Result model={model.name} result={results[0]} />}
      <div className="measure-actions">
        {busy && <span className="caption">A run is in progress, so both take longer.</span>}
        {mine ? (
          <button type="button" className="button" onClick={controller.measure.cancelMeasure}>
            Cancel
          </button>
        ) : (
          <button
            type="button"
            className="button primary"
            disabled={!data || work !== null || (features === 'inception' && !inception)}
            onClick={() =>
              void controller.measure.measure(model, data!, { count, sampler, features, inception })
            }
          >
            Start
          </button>
        )}
      </div>
    </Dialog>
  );
}

type MeasuredSampler = MeasureRequest['sampler'];

interface AmountProps {
  model: ModelFacts;
  count: number;
  sampler: MeasuredSampler;
  onCount: (count: number) => void;
  onSampler: (sampler: MeasuredSampler) => void;
}

const TWO_STEPS = { value: 'two-step', label: '2', title: 'As this student was trained' } as const;

/** How many images are generated, and in how many steps each. */
function Amount({ model, count, sampler, onCount, onSampler }: AmountProps) {
  const steps = defaultSteps(model.resolution);
  return (
    <>
      <div className="field">
        <span>Images generated</span>
        <NumberField
          label="Images generated"
          value={count}
          min={64}
          max={10_000}
          step={100}
          whole
          onCommit={onCount}
        />
      </div>
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps"
          value={sampler}
          options={[
            { value: 'one-step', label: '1' },
            ...(model.sigmaMid === null ? [] : [TWO_STEPS]),
            {
              value: 'heun',
              label: `Heun, ${evaluations({ sampler: 'heun', steps })} NFE`,
              title: 'The way to sample a diffusion teacher',
            },
          ]}
          onChange={onSampler}
        />
      </div>
    </>
  );
}

type OwnFiles = Extract<DataRef, { kind: 'files' }>;

interface RealImagesProps {
  /** The sample packs that fit the model. */
  packs: readonly SamplePack[];
  pack: SamplePack | null;
  own: OwnFiles | null;
  onPack: (id: string) => void;
  onOwn: (files: OwnFiles | null) => void;
}

/** The images that a model is measured against: a sample pack, or a person's own. */
function RealImages({ packs, pack, own, onPack, onOwn }: RealImagesProps) {
  return (
    <>
      <div className="field">
        <span>Real images</span>
        <select
          className="select"
          aria-label="Real images"
          value={own ? 'own' : (pack?.id ?? '')}
          onChange={(event) => {
            onOwn(null);
            onPack(event.currentTarget.value);
          }}
        >
          {packs.map((p) => (
            <option key={p.id} value={p.id}>
              {p.name}
            </option>
          ))}
          {own && <option value="own">{own.name}</option>}
          {!own && !pack && <option value="">None fits: choose your own</option>}
        </select>
      </div>
      <FileButton
        label="Choose your own images"
        onFiles={(files) => {
          if (files.length > 0)
            onOwn({
              kind: 'files',
              files,
              name: files.length === 1 ? files[0]!.name : counted(files.length, 'file'),
            });
        }}
      />
    </>
  );
}
