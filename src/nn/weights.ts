import { badFile } from '../lib/errors';
import type { UNetConfig } from './config';
import { isDerivedBuffer, parameterSpecs } from './parameters';

/** Where a network's parameters come from: a checkpoint, a training state, random numbers in a test. */
export interface WeightSource {
  names(): Iterable<string>;
  /** Published layout; undefined when there is no such tensor. */
  shape(name: string): readonly number[] | undefined;
  /** Row-major float32 in the published layout. */
  read(name: string): Float32Array;
  /** The same, piece after piece, where the source can read a part of a tensor. */
  pieces?(name: string): Iterable<Float32Array>;
}

/** A parameter's values in order, in pieces where the source has such. */
export const weightPieces = (source: WeightSource, name: string): Iterable<Float32Array> =>
  source.pieces?.(name) ?? [source.read(name)];

/**
 * Throws unless `source` has every parameter of the network in the right shape. Returns the names of
 * tensors that the network does not use, so that the caller can mention them.
 */
export function checkWeights(config: UNetConfig, source: WeightSource): string[] {
  const unused = new Set<string>();
  for (const name of source.names()) if (!isDerivedBuffer(name)) unused.add(name);
  for (const spec of parameterSpecs(config)) {
    unused.delete(spec.name);
    const found = source.shape(spec.name);
    if (found === undefined) {
      if (spec.optional) continue;
      throw badFile('a parameter is missing', {
        where: spec.name,
        expected: `a tensor [${spec.shape.join(', ')}]`,
        found: 'no tensor of that name',
        hint: 'The file is not the network its architecture says; open another or convert it again',
      });
    }
    if (found.length !== spec.shape.length || found.some((d, i) => d !== spec.shape[i]))
      throw badFile('a parameter has the wrong shape', {
        where: spec.name,
        expected: `[${spec.shape.join(', ')}]`,
        found: `[${found.join(', ')}]`,
      });
  }
  return [...unused];
}
