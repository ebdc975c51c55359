import type { Checkpoint } from '../../formats/checkpoint';
import { allFinite, checkFinite, float32Pieces, readFloat32, type TensorRef } from '../../formats/tensor';
import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';

/** A checkpoint's tensors as a network reads them: float32, and refused when they are not finite. */
export function checkpointWeights(checkpoint: Pick<Checkpoint, 'tensors'>): WeightSource {
  const { tensors } = checkpoint;
  const find = (name: string): TensorRef => {
    const ref = tensors.get(name);
    if (!ref) throw new InnateError('bad-file', 'a tensor is missing', { where: name });
    return ref;
  };
  return {
    names: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    read(name) {
      const values = readFloat32(find(name));
      checkFinite(values, name);
      return values;
    },
    *pieces(name) {
      const ref = find(name);
      for (const piece of float32Pieces(ref)) {
        // The whole is read for the error, which counts them all.
        if (!allFinite(piece)) checkFinite(readFloat32(ref), name);
        yield piece;
      }
    },
  };
}

/** The same weights held in memory as read once, for networks small enough to run many times. */
export function cachedWeights(source: WeightSource): WeightSource {
  const cache = new Map<string, Float32Array>();
  return {
    names: () => source.names(),
    shape: (name) => source.shape(name),
    read(name) {
      let values = cache.get(name);
      if (!values) {
        values = source.read(name);
        cache.set(name, values);
      }
      return values;
    },
  };
}
