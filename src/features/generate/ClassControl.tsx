import { searchClasses } from '../../lib/class-names';
import { whole } from '../../lib/words';
import { seedClass } from '../../rng/seeds';
import { seedAt } from '../../state/generate/view';
import { className, classNamesOf, type ModelFacts, typedClass } from '../../state/models';
import { useApp, useView } from '../../state/react';
import { Combobox, type ComboboxOption } from '../../ui/Combobox';
import { Slider } from '../../ui/Slider';

/** More classes than this are searched, not scrolled through. */
const LISTED = 20;

/**
 * Class of all images, or a random one for each image, drawn from its seed. The marker then stands, grey, at the
 * class of the selected image's seed.
 */
export function ClassControl({ model }: { model: ModelFacts }) {
  const { stores, announce } = useApp();
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
        else announce(noClass(text, model));
        return index !== undefined;
      }}
      reset={{
        label: 'Reset to a random class for each seed',
        changed: chosen !== null,
        onReset: () => set(null),
      }}
    >
      <ClassPicker label="Class name" random model={model} chosen={chosen} onChoose={set} />
    </Slider>
  );
}

interface ChoiceProps {
  label: string;
  /** A random class for each image may be chosen too. */
  random?: boolean;
  model: ModelFacts;
  chosen: number | null;
  onChoose: (index: number | null) => void;
}

/** A class by its name: a native list of a few, a search among many. */
export const ClassPicker = (props: ChoiceProps) =>
  props.model.labelDim > LISTED ? <ClassSearch {...props} /> : <ClassList {...props} />;

/** A few classes: a native list. */
function ClassList({ label, random, model, chosen, onChoose }: ChoiceProps) {
  return (
    <select
      className="select class-name"
      aria-label={label}
      value={chosen ?? ''}
      onChange={(event) =>
        onChoose(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))
      }
    >
      {random && <option value="">{RANDOM}</option>}
      {Array.from({ length: model.labelDim }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a class is its index
        <option key={i} value={i}>
          {model.classes ? `${i}  ${className(model.classes, i)}` : `Class ${i}`}
        </option>
      ))}
    </select>
  );
}

const RANDOM = 'Random, from the seed';
const RANDOM_OPTION: ComboboxOption = { key: '', name: RANDOM };

/** Many classes: found by a part of a name, of a synonym or of the number. */
function ClassSearch({ label, random, model, chosen, onChoose }: ChoiceProps) {
  const names = classNamesOf(model);
  const option = (i: number): ComboboxOption => ({
    key: String(i),
    lead: String(i),
    name: className(model.classes, i),
    also: names?.synonyms[i]?.slice(1).join(', ') ?? '',
  });
  const search = (text: string): ComboboxOption[] => {
    const found = names ? searchClasses(names, text) : numbers(model.labelDim, text);
    const word = text.trim().toLowerCase();
    return [...(random && 'random auto'.includes(word) ? [RANDOM_OPTION] : []), ...found.map(option)];
  };
  return (
    <Combobox
      className="class-name searched"
      label={label}
      value={chosen === null ? '' : names ? `${chosen}  ${className(model.classes, chosen)}` : `${chosen}`}
      placeholder={`Search ${whole(model.labelDim)} classes`}
      chosen={chosen === null ? '' : String(chosen)}
      search={search}
      onChoose={(key) => onChoose(key === '' ? null : Number(key))}
      none={(text) => noClass(text, model)}
    />
  );
}

const noClass = (text: string, { classes, labelDim }: ModelFacts): string =>
  `No class is called “${text.trim()}”. Classes have ${classes ? 'names, and ' : ''}numbers from 0 to ${labelDim - 1}.`;

/** Classes whose number begins as the text does. */
const numbers = (count: number, text: string): number[] =>
  Array.from({ length: count }, (_, i) => i).filter((i) => String(i).startsWith(text.trim()));

function classTicks(last: number) {
  const step = last <= 40 ? 1 : last / 20;
  const count = Math.floor(last / step);
  return Array.from({ length: count + 1 }, (_, i) => {
    const value = i * step;
    return i === 0 || i === count ? { value, label: String(Math.round(value)) } : { value };
  });
}
