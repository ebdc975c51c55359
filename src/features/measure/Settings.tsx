import { evaluations } from '../../lib/sampling';
import { counted } from '../../lib/words';
import type { MeasureProtocol } from '../../protocol/measure';
import type { ModelFacts } from '../../state/models';
import { FileButton } from '../../ui/FileButton';
import { formatCount, formatWhole } from '../../ui/format';
import { NumberField } from '../../ui/NumberField';
import { Segmented } from '../../ui/Segmented';
import { Sprite } from '../../ui/Sprite';
import { type Choices, OWN, STATISTICS } from './choices';
import { FeaturesChoice } from './FeaturesChoice';
import { Radio } from './Radio';

interface Props {
  model: ModelFacts;
  choices: Choices;
}

const PROTOCOLS: readonly { value: MeasureProtocol | null; title: string; about: string }[] = [
  { value: null, title: 'Some images', about: 'As many as you choose, each class in turn' },
  {
    value: 'pytorch-fid',
    title: 'pytorch-fid',
    about: 'As many as you choose; Inception sees them as that program resizes them',
  },
  { value: 'quick', title: 'quick', about: '5,000 images, each class in turn' },
  { value: 'edm', title: 'edm', about: '50,000 images three times, as papers print it' },
];

/** What is measured, against what, and how. */
export function Settings({ model, choices }: Props) {
  const { how, set } = choices;
  return (
    <section className="measure-settings" aria-label="What is measured">
      <div className="measure-model">
        {model.preview && (
          <Sprite url={`models/${model.preview.path}`} {...model.preview} index={0} size={64} />
        )}
        <p>
          <strong>{model.name}</strong>
          <span className="secondary">
            {model.resolution} × {model.resolution}, {formatCount(model.parameters)} parameters
          </span>
          <span className="caption">from sigma {model.sigma}</span>
        </p>
      </div>
      <RealImages choices={choices} />
      <fieldset className="measure-choice">
        <legend>Protocol</legend>
        {PROTOCOLS.map(({ value, title, about }) => (
          <Radio
            key={title}
            group="protocol"
            title={title}
            about={about}
            checked={how.protocol === value}
            onChoose={() => set({ protocol: value })}
          />
        ))}
        {(how.protocol === null || how.protocol === 'pytorch-fid') && (
          <div className="field">
            <span>Images generated</span>
            <NumberField
              label="Images generated"
              value={how.count}
              min={64}
              max={50_000}
              step={100}
              whole
              onCommit={(count) => set({ count })}
            />
          </div>
        )}
      </fieldset>
      <FeaturesChoice features={how.features} onFeatures={(features) => set({ features })} />
      <div className="field">
        <span>Steps</span>
        <Segmented
          label="Steps"
          value={how.sampler}
          options={[
            { value: 'one-step', label: '1' },
            ...(model.sigmaMid === null ? [] : [TWO_STEPS]),
            {
              value: 'heun',
              label: `Heun, ${evaluations({ sampler: 'heun', steps: how.steps })} NFE`,
              title: 'The way to sample a diffusion teacher',
            },
          ]}
          onChange={(sampler) => set({ sampler })}
        />
      </div>
    </section>
  );
}

const TWO_STEPS = { value: 'two-step', label: '2', title: 'As this student was trained' } as const;

/** The images that a model is measured against: a sample pack, or a person's own. */
function RealImages({ choices }: Pick<Props, 'choices'>) {
  const { packs, pack, own, statistics, choosePack, chooseOwn, chooseStatistics } = choices;
  return (
    <div className="measure-choice">
      <div className="field">
        <span>Real images</span>
        <select
          className="select"
          aria-label="Real images"
          value={statistics ? STATISTICS : own ? OWN : (pack?.id ?? '')}
          onChange={(event) => choosePack(event.currentTarget.value)}
        >
          {packs.map((p) => (
            <option key={p.id} value={p.id}>
              {p.name}, {formatWhole(p.images)}
            </option>
          ))}
          {own && <option value={OWN}>{own.name}</option>}
          {statistics && <option value={STATISTICS}>{statistics.name}</option>}
          {!own && !pack && !statistics && <option value="">None fits: choose your own</option>}
        </select>
      </div>
      <FileButton
        label="Choose your own images"
        className="quiet"
        onFiles={(files) => {
          if (files.length > 0)
            chooseOwn({
              kind: 'files',
              files,
              name: files.length === 1 ? files[0]!.name : counted(files.length, 'file'),
            });
        }}
      />
      <FileButton
        label="Open reference statistics"
        className="quiet"
        accept=".npz"
        onFiles={([file]) => file && chooseStatistics(file)}
      />
      {statistics && (
        <p className="caption">
          Mean and covariance, which {statistics.name} has, allow the distance and the Inception score alone.
        </p>
      )}
    </div>
  );
}
