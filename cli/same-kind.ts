import { counted } from '../src/lib/words';
import type { Catalogue } from '../src/storage/catalogue';

/** What tells whether images and a model belong together. */
export interface Kind {
  /** Name of the data set, where it is known. */
  dataset: string | null;
  /** 0 = unlabelled. */
  labelDim: number;
  classes: readonly string[] | null;
  channels: number;
}

/** The catalogue's data set of a model: its own, or that of the teacher which its file names. */
export function datasetOf(
  { id, metadata }: { id: string; metadata: ReadonlyMap<string, string> },
  { models }: Catalogue,
): string | null {
  const teacher = metadata.get('teacher');
  return (models.find((m) => m.id === id) ?? models.find((m) => m.id === teacher))?.dataset ?? null;
}

/** The catalogue's data set that a file or folder is named after; null where it is none of them. */
export function datasetNamed(name: string, { models }: Catalogue): string | null {
  const plain = name.replace(/(\.(zip|npz|tar|tgz|gz))+$/i, '').toLowerCase();
  return models.find((m) => m.dataset.toLowerCase() === plain)?.dataset ?? null;
}

/** Why a distance between a model's images and these would compare unlike things; null where nothing says so. */
export function otherKind(model: Kind, data: Kind): string | null {
  const reasons: string[] = [];
  if (model.dataset && data.dataset && model.dataset !== data.dataset)
    reasons.push(`the model is of ${model.dataset}, the images are ${data.dataset}`);
  if (model.channels !== data.channels)
    reasons.push(`the model makes ${colours(model.channels)} images, these are ${colours(data.channels)}`);
  if (model.labelDim > 0 && data.labelDim > 0) {
    const [a, b] = [model.classes, data.classes];
    const named = a && b && a.join().toLowerCase() !== b.join().toLowerCase();
    if (model.labelDim !== data.labelDim)
      reasons.push(
        `the model has ${counted(model.labelDim, 'class', 'classes')}, the images have ${data.labelDim}`,
      );
    else if (named) reasons.push(`the model's classes are ${list(a)}, the images' ${list(b)}`);
  }
  return reasons.length > 0 ? reasons.join('; ') : null;
}

/** Beyond this the images are unlike the real ones, whatever anything is called (see `featureShift`). */
const FAR = 1;

/** What the measurement itself says of likeness; null where the images are among the real ones. */
export const farOff = ({ shift }: { shift: number }): string | null =>
  shift > FAR
    ? `the average image is ${shift.toFixed(1)} times as far from the real ones (squared) as a real image: these are images of another kind, or the sampler does not suit the model`
    : null;

const colours = (channels: number): string => (channels === 1 ? 'grey' : 'colour');
const list = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ', ...' : '');
