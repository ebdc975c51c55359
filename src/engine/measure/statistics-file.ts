import { openNpy } from '../../data/npy-array';
import { bufferSource, type Source } from '../../formats/source';
import { openZip, readEntry, storedSource } from '../../formats/zip';
import { InnateError } from '../../lib/errors';
import type { FeatureStatistics } from '../../measure/moments';

/** A covariance of 2,048 features has 32 MiB. */
const MAX_UNPACKED = 2 ** 28;

/** Whether an archive has the statistics of a reference (`mu` and `sigma`), and no images. */
export const isStatistics = (names: Iterable<string>): boolean => {
  const all = new Set(names);
  return all.has('mu.npy') && all.has('sigma.npy');
};

/**
 * Statistics of a reference as EDM's fid.py, pytorch-fid and `--save-features` write them: an .npz with `mu` [dims] and `sigma`
 * [dims, dims]; null for another file. Throws where they are not of `dims` features.
 */
export function readStatistics(source: Source, dims: number): FeatureStatistics | null {
  const head = source.read(0, Math.min(4, source.size));
  if (head[0] !== 0x50 || head[1] !== 0x4b) return null; // no zip
  const entries = new Map(openZip(source).map((entry) => [entry.name, entry]));
  if (!isStatistics(entries.keys())) return null;
  const array = (name: string) => {
    const entry = entries.get(name)!;
    return openNpy(
      entry.method === 0
        ? storedSource(entry)
        : bufferSource(readEntry(entry, MAX_UNPACKED), `${source.name}, ${name}`),
    );
  };
  const [mu, sigma] = [array('mu.npy'), array('sigma.npy')];
  const covariance = new Float64Array(dims * dims);
  const wrong = mu.shape.length !== 1 || mu.shape[0] !== dims;
  if (wrong || sigma.shape.length !== 2 || sigma.shape[0] !== dims || sigma.shape[1] !== dims)
    throw new InnateError('mismatch', 'the statistics are of other features', {
      where: source.name,
      expected: `mu [${dims}] and sigma [${dims}, ${dims}]`,
      found: `mu [${mu.shape.join(', ')}] and sigma [${sigma.shape.join(', ')}]`,
      hint:
        dims === 2048
          ? 'Give statistics of Inception'
          : 'Statistics of papers need --features inception:FILE',
    });
  for (let i = 0; i < dims; i++) covariance.set(sigma.row(i), i * dims);
  return { mean: Float64Array.from(mu.column()), covariance, count: null };
}
