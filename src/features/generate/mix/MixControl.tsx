import { Plus, X } from 'lucide-react';
import { useState } from 'react';
import { type ClassMix, ownWeight, withShare } from '../../../lib/class-mix';
import { seedClass } from '../../../rng/seeds';
import { seedAt } from '../../../state/generate/view';
import { className, type ModelFacts } from '../../../state/models';
import { useApp, useView } from '../../../state/react';
import { Slider } from '../../../ui/Slider';
import { ClassPicker } from '../ClassControl';
import './mix.css';

/** So many classes beside an image's own. */
const MAX_SHARES = 8;

/** The first class that is neither the image's own nor mixed in already. */
function freeClass(taken: readonly number[], labelDim: number): number | null {
  const after = (taken.at(-1) ?? -1) + 1;
  for (let i = 0; i < labelDim; i++) {
    const index = (after + i) % labelDim;
    if (!taken.includes(index)) return index;
  }
  return null;
}

/** Classes that every image's own is mixed with, each with its weight. The image's own class has the rest. */
export default function MixControl({ model, onClose }: { model: ModelFacts; onClose: () => void }) {
  const { stores } = useApp();
  const mix = useView((v) => v.mix);
  const chosen = useView((v) => v.classIndex);
  const own = useView((v) => v.classIndex ?? seedClass(seedAt(v.seed, v.selected), model.labelDim));
  // Classes that weigh nothing yet are no part of the view: their rows are here.
  const [rows, setRows] = useState<readonly number[]>(() =>
    mix.length > 0 ? mix.map(({ index }) => index) : [freeClass([own], model.labelDim) ?? 0],
  );
  const shown = [...rows, ...mix.map(({ index }) => index).filter((index) => !rows.includes(index))];
  const weightOf = (index: number) => mix.find((share) => share.index === index)?.weight ?? 0;
  const write = (next: ClassMix) => stores.view.setState({ mix: next });
  const free = shown.length < MAX_SHARES ? freeClass([own, ...shown], model.labelDim) : null;
  const ownName = chosen === null ? 'own class' : className(model.classes, chosen);

  function replace(old: number, index: number): void {
    setRows(shown.map((row) => (row === old ? index : row)));
    write(mix.map((share) => (share.index === old ? { ...share, index } : share)));
  }

  function remove(index: number): void {
    const left = shown.filter((row) => row !== index);
    setRows(left);
    write(withShare(mix, index, 0));
    if (left.length === 0) onClose();
  }

  return (
    <fieldset className="mixing">
      <legend className="hidden-text">Mix with other classes</legend>
      {shown.map((index) => {
        const name = className(model.classes, index);
        const label = shown.length === 1 ? 'Mix' : `Mix of ${name}`;
        return (
          <div key={index} className="mix-share">
            <div className="mix-head">
              <ClassPicker
                label={shown.length === 1 ? 'Second class' : `Class mixed in, now ${name}`}
                model={model}
                chosen={index}
                onChoose={(next) => next !== null && !shown.includes(next) && replace(index, next)}
              />
              <button
                type="button"
                className="icon-button"
                aria-label={`Take ${name} out of the mix`}
                title="Take out of the mix"
                onClick={() => remove(index)}
              >
                <X aria-hidden />
              </button>
            </div>
            <Slider
              label={label}
              value={weightOf(index)}
              min={0}
              max={1}
              step={0.05}
              fine={0.01}
              ticks={ticksOf(ownName, name, shown.length === 1)}
              valueText={`${weightOf(index)} ${name}, ${ownWeight(mix)} ${ownName}`}
              onChange={(weight) => write(withShare(mix, index, weight))}
              reset={{
                label: `Reset the mix of ${name} to 0`,
                changed: weightOf(index) > 0,
                onReset: () => write(withShare(mix, index, 0)),
              }}
            />
          </div>
        );
      })}
      {shown.length > 1 && (
        <p className="caption">
          {ownWeight(mix)} {ownName}
        </p>
      )}
      {free !== null && (
        <button type="button" className="link mix-more" onClick={() => setRows([...shown, free])}>
          <Plus aria-hidden /> Add a class
        </button>
      )}
    </fieldset>
  );
}

const ticksOf = (from: string, to: string, named: boolean) =>
  Array.from({ length: 21 }, (_, i) => {
    const value = i / 20;
    if (i === 0) return { value, label: named ? from : '0' };
    return i === 20 ? { value, label: named ? to : '1' } : { value };
  });
