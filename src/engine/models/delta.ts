import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';

/**
 * A student stored as what changed from its teacher. A tensor that is absent equals the base's; one that is
 * present is a difference to the base's stored value, which keeps small changes far more precise in float16
 * than the changed value itself would be.
 *
 * Metadata of such a file: `delta_of` = the base's catalogue id (or file name), `delta_sha256` = the base file.
 */
export interface DeltaInfo {
  of: string;
  sha256: string | null;
}

/** What a file is a delta of, by its metadata; null for a whole network. */
export function deltaInfo(metadata: ReadonlyMap<string, string>): DeltaInfo | null {
  const of = metadata.get('delta_of');
  return of === undefined ? null : { of, sha256: metadata.get('delta_sha256') ?? null };
}

/** base + delta. Throws when a changed tensor does not exist in the base or has another shape. */
export function applyDelta(base: WeightSource, delta: WeightSource): WeightSource {
  for (const name of delta.names()) {
    const expected = base.shape(name);
    const found = delta.shape(name)!;
    if (expected && expected.length === found.length && expected.every((d, i) => d === found[i])) continue;
    throw new InnateError('mismatch', 'this student is not a delta on that teacher', {
      where: name,
      expected: expected ? `[${expected.join(', ')}]` : 'a tensor that the teacher has',
      found: `[${found.join(', ')}]`,
      hint: 'Use the teacher it was made with',
    });
  }
  return {
    names: () => base.names(),
    shape: (name) => base.shape(name),
    read(name) {
      const values = base.read(name);
      if (delta.shape(name) === undefined) return values;
      const difference = delta.read(name);
      return values.map((v, i) => v + difference[i]!);
    },
  };
}
