import type { SavedTensors, StateTensor } from '../../distil/saved';
import { readRunMeta } from '../../distil/saved-meta';
import type { RunMeta } from '../../distil/state';
import { readSafetensors, writeSafetensors } from '../../formats/safetensors';
import type { Source } from '../../formats/source';
import { badFile } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';
import { checkpointWeights } from '../models/weights';

/** A run at one moment, as `DistilRun.state` gives it. */
export interface RunState {
  tensors: ReadonlyMap<string, StateTensor>;
  meta: RunMeta;
}

/** A run that was saved: what `DistilRun.start` goes on from. */
export interface SavedRun {
  tensors: SavedTensors;
  meta: RunMeta;
}

const KEY = 'innate_run';

/** A state as a .safetensors file, piece by piece; page and command line write the same one. */
export function encodeState({ tensors, meta }: RunState): Generator<Uint8Array> {
  const stored = new Map(
    [...tensors].map(([name, { shape, values }]) => [
      name,
      {
        dtype: 'f32' as const,
        shape,
        bytes: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      },
    ]),
  );
  return writeSafetensors({ tensors: stored, metadata: new Map([[KEY, JSON.stringify(meta)]]) });
}

/**
 * Throws a `bad-file` error where `source` is not the state of a distillation or is damaged, and an `unsupported` one
 * where another version saved it.
 */
export function decodeState(source: Source): SavedRun {
  const file = readSafetensors(source);
  const text = file.metadata.get(KEY);
  if (text === undefined)
    throw badFile('not the state of a distillation', {
      where: source.name,
      expected: 'a file that innate distil wrote beside its output',
    });
  return { tensors: checkpointWeights(file), meta: readRunMeta(parseJson(text, source.name), source.name) };
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badFile('its description of itself is damaged', { where, expected: 'JSON' }, error);
  }
}

/** The averaged student of a saved run: a whole network. `start` holds what did not train. */
export const savedStudent = ({ tensors }: SavedRun, start: WeightSource): WeightSource => ({
  names: () => start.names(),
  shape: (name) => start.shape(name),
  read: (name) => (tensors.shape(`ema.${name}`) ? tensors.read(`ema.${name}`) : start.read(name)),
});
