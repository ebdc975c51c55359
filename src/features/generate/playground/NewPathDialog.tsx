import { type ReactNode, useId, useState } from 'react';
import { useStore } from 'zustand';
import { SIGMA, TEMPERATURE } from '../../../lib/sampling';
import { MAX_SEED } from '../../../rng/seeds';
import type { Pin } from '../../../state/generate/points';
import { pinOf } from '../../../state/generate/request';
import type { ModelFacts } from '../../../state/models';
import { formatPath, type PathView, SCALED, sweep } from '../../../state/path/view';
import { useApp, useModel, useView } from '../../../state/react';
import { Dialog } from '../../../ui/Dialog';
import { NumberField } from '../../../ui/NumberField';
import './export.css';

/** What changes along a path from the selected image. */
type Along = 'seed' | 'sigma' | 'temperature' | 'class' | 'gain';

interface Range {
  from: number;
  to: number;
}

interface Choice {
  name: string;
  limits: { min: number; max: number; whole?: boolean };
  range: Range;
}

/** What can change of an image of that model, with what is suggested. */
function choicesOf(pin: Pin, model: ModelFacts): Partial<Record<Along, Choice>> {
  const sigma = pin.sigma ?? model.sigma;
  const next = model.labelDim > 0 ? ((pin.classIndex ?? 0) + 1) % model.labelDim : 0;
  return {
    seed: {
      name: 'Seed',
      limits: { min: 0, max: MAX_SEED },
      range: { from: pin.seed, to: Math.min(MAX_SEED, pin.seed + 1) },
    },
    sigma: {
      name: 'Start sigma',
      limits: SIGMA,
      range: { from: Math.max(SIGMA.min, sigma / 16), to: sigma },
    },
    temperature: { name: 'Temperature', limits: TEMPERATURE, range: { from: 0, to: pin.temperature } },
    ...(model.labelDim > 1 && {
      class: {
        name: 'Class',
        limits: { min: 0, max: model.labelDim - 1, whole: true },
        range: { from: pin.classIndex ?? 0, to: next },
      },
    }),
    gain: { name: 'A block’s gain', limits: SCALED, range: { from: 0, to: 2 } },
  };
}

/** A path that changes one thing of the selected image: to another seed, class or noise level, or a block's gain. */
export function NewPathDialog({ onClose }: { onClose: () => void }) {
  const { stores } = useApp();
  const model = useModel();
  const place = useView((v) => v.selected);
  const image = useStore(stores.images, (s) => s.images[place] ?? null);
  const pin = image && pinOf(stores.view.getState(), image, place);
  return (
    <Dialog title="Path from this image" onClose={onClose}>
      {pin && model ? (
        <Form pin={pin} model={model} onClose={onClose} />
      ) : (
        <p className="secondary">No image is made yet.</p>
      )}
    </Dialog>
  );
}

function Form({ pin, model, onClose }: { pin: Pin; model: ModelFacts; onClose: () => void }) {
  const { stores } = useApp();
  const choices = choicesOf(pin, model);
  const [along, setAlong] = useState<Along>('seed');
  const [range, setRange] = useState<Range>(choices.seed!.range);
  const [block, setBlock] = useState('');
  const [frames, setFrames] = useState(48);
  const { limits } = choices[along]!;
  const id = useId();
  const choose = (next: Along) => {
    setAlong(next);
    setRange(choices[next]!.range);
  };
  const needsBlock = along === 'gain' && block.trim() === '';
  return (
    <form
      className="export-dialog"
      onSubmit={(event) => {
        event.preventDefault();
        stores.view.setState({ path: formatPath(sweep(frames, alongPath(pin, along, range, block))) });
        onClose();
      }}
    >
      <label className="field" htmlFor={id}>
        <span>What changes</span>
        <select
          id={id}
          className="select"
          value={along}
          data-autofocus
          onChange={(event) => choose(event.currentTarget.value as Along)}
        >
          {Object.entries(choices).map(([key, { name }]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {along === 'gain' && <BlockField value={block} onChange={setBlock} />}
      {(['from', 'to'] as const).map((end) => (
        <Field key={end} name={end === 'from' ? 'From' : 'To'} note={noteOf(along, range[end], model)}>
          <NumberField
            label={end === 'from' ? 'From' : 'To'}
            value={range[end]}
            min={limits.min}
            max={limits.max}
            whole={limits.whole === true}
            onCommit={(value) => setRange({ ...range, [end]: value })}
          />
        </Field>
      ))}
      <Field name="Frames">
        <NumberField label="Frames" value={frames} min={2} max={240} step={1} whole onCommit={setFrames} />
      </Field>
      <p className="caption">
        {along === 'seed'
          ? 'Noise goes on the great circle between the two seeds, classes in a straight line.'
          : along === 'sigma'
            ? 'Noise levels go by their ratio: as many frames from 5 to 10 as from 40 to 80.'
            : along === 'gain'
              ? 'What the block adds to what it passes on is multiplied: 0 silences it, 1 is as trained.'
              : 'In a straight line.'}
      </p>
      <div className="export-actions">
        <button type="submit" className="button primary" disabled={needsBlock}>
          Play
        </button>
      </div>
    </form>
  );
}

function Field({ name, note, children }: { name: string; note?: string | undefined; children: ReactNode }) {
  return (
    <div className="field">
      <span>
        {name} {note && <span className="caption">{note}</span>}
      </span>
      {children}
    </div>
  );
}

function BlockField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId();
  return (
    <label className="field" htmlFor={id}>
      <span>
        Block <span className="caption">as Layers names it</span>
      </span>
      <input
        id={id}
        className="select block-name"
        value={value}
        placeholder="dec.16x16_block0"
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

const noteOf = (along: Along, value: number, { classes }: ModelFacts): string | undefined =>
  along === 'class' ? classes?.[value] : undefined;

/** The stops of a path along which one thing changes. */
function alongPath(
  pin: Pin,
  along: Along,
  { from, to }: Range,
  block: string,
): Pick<PathView, 'stops' | 'gain'> {
  if (along === 'gain') return { stops: [pin], gain: { block: block.trim(), from, to } };
  const key = along === 'class' ? 'classIndex' : along;
  // Between seeds each has a class of its own, unless one was chosen for all.
  const base = along === 'class' ? { ...pin, mix: [] } : pin;
  return {
    stops: [
      { ...base, [key]: from },
      { ...base, [key]: to },
    ],
    gain: null,
  };
}
