import type { MeasuredFd, ReportedFid } from '../lib/row-caption';
import { evaluations, type SamplerName } from '../lib/sampling';
import type { CatalogueModel } from './catalogue';

/** How images are made, as far as a distance depends on it. */
interface Way {
  sampler: SamplerName;
  steps: number;
  /** Noise level of the first evaluation is where the model starts. */
  ownSigma: boolean;
}

/** The FID that a model's authors report; null where the catalogue knows none. */
export const reportedFid = ({ reported, nfe }: CatalogueModel): ReportedFid | null =>
  reported
    ? {
        value: reported.value,
        nfe: reported.nfe ?? nfe ?? null,
        best: reported.of === 'family',
        source: reported.source,
      }
    : null;

/**
 * The distance that the catalogue has of a model's images made in that way: at the same number of evaluations where
 * there is one, else at another of the same sampler; null where there is none.
 */
export function measuredFd({ quality }: Pick<CatalogueModel, 'quality'>, way: Way): MeasuredFd | null {
  if (!way.ownSigma) return null;
  const alike = quality.filter((q) => q.sampler === way.sampler);
  const nfe = evaluations(way);
  const found = alike.find((q) => q.nfe === nfe) ?? alike[0];
  if (!found) return null;
  const { value, error, features, n } = found;
  return { value, error, nfe: found.nfe, features, n };
}
