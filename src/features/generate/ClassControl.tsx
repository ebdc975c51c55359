import { seedClass } from '../../rng/seeds';
import { seedAt } from '../../state/generate/view';
import { className, type ModelFacts, typedClass } from '../../state/models';
import { useApp, useView } from '../../state/react';
import { Slider } from '../../ui/Slider';

/**
 * Class of all images, or a random one for each image, drawn from its seed. The marker then stands, grey, at the
 * class of the selected image's seed.
 */
export function ClassControl({ model }: { model: ModelFacts }) {
  const { stores } = useApp();
  const chosen = useView((v) => v.classIndex);
  const implied = useView((v) => seedClass(seedAt(v.seed, v.selected), model.labelDim));
  const last = model.labelDim - 1;
  const set = (index: number | null) => stores.view.setState({ classIndex: index });
  const value = chosen ?? implied;
  const name = className(model.classes, value);
  const named = model.classes !== null;
  return (
    <Slider
      label="Class"
      note={<span className="class-note">{chosen === null ? 'random' : named ? name : ''}</span>}
      value={value}
      fieldText={chosen === null ? 'auto' : undefined}
      min={0}
      max={last}
      step={1}
      ticks={classTicks(last)}
      implied={chosen === null}
      valueText={chosen === null ? `random, from the seed: ${name}` : name}
      onChange={set}
      onText={(text) => {
        const index = typedClass(text, model);
        if (index !== undefined) set(index);
        return index !== undefined;
      }}
      reset={{
        label: 'Reset to a random class for each seed',
        changed: chosen !== null,
        onReset: () => set(null),
      }}
    >
      <select
        className="select class-name"
        aria-label="Class name"
        value={chosen ?? ''}
        onChange={(event) => set(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}
      >
        <option value="">Random, from the seed</option>
        {Array.from({ length: model.labelDim }, (_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a class is its index
          <option key={i} value={i}>
            {named ? `${i}  ${className(model.classes, i)}` : `Class ${i}`}
          </option>
        ))}
      </select>
    </Slider>
  );
}

function classTicks(last: number) {
  const step = last <= 40 ? 1 : last / 20;
  const count = Math.floor(last / step);
  return Array.from({ length: count + 1 }, (_, i) => {
    const value = i * step;
    return i === 0 || i === count ? { value, label: String(Math.round(value)) } : { value };
  });
}
