import type { RowFigures } from '../../lib/row-caption';
import type { RowSpec } from '../../lib/row-spec';
import { defaultSteps, evaluations, ownSampler, SIGMA_MID, START_SIGMA } from '../../lib/sampling';
import type { MeasureResult } from '../../protocol/measure';
import type { Catalogue, CatalogueModel } from '../../storage/catalogue';
import { measuredFd, reportedFid } from '../../storage/catalogue-figures';
import { type ClassFiles, catalogueFacts, type ModelFacts } from '../models';

/** A row's model, as far as this device knows it. */
export interface RowModel {
  /** Null where neither the catalogue nor an opened file is called so. */
  facts: ModelFacts | null;
  /** It can be run here, now. */
  here: boolean;
  /** Its entry of the catalogue; null for opened files. */
  entry: CatalogueModel | null;
}

export function rowModel(
  key: string,
  models: readonly ModelFacts[],
  catalogue: Catalogue | null,
  classFiles: ClassFiles = {},
): RowModel {
  const entry = catalogue?.models.find((m) => m.id === key) ?? null;
  const usable = models.find((m) => m.key === key) ?? null;
  return {
    facts: usable ?? (entry && catalogue ? catalogueFacts(catalogue, entry, classFiles) : null),
    here: usable !== null,
    entry,
  };
}

/** Sampler, noise levels and Heun steps of a row: its own, or its model's. */
export const settled = (
  { sampler, steps, sigma }: RowSpec,
  facts: Pick<ModelFacts, 'resolution' | 'sigma' | 'sigmaMid'> | null,
) => ({
  sampler: sampler ?? ownSampler({ sigmaMid: facts?.sigmaMid ?? null }),
  steps: steps ?? defaultSteps(facts?.resolution ?? 64),
  sigma: sigma ?? facts?.sigma ?? START_SIGMA,
  sigmaMid: facts?.sigmaMid ?? SIGMA_MID,
});

/** What a row's head says, and what its captions say elsewhere. `measured`: on this page, newest first. */
export function rowFigures(
  row: RowSpec,
  { facts, entry }: RowModel,
  ms: number | null,
  measured: readonly MeasureResult[],
): RowFigures {
  const { sampler, steps, sigma } = settled(row, facts);
  const way = { sampler, steps, ownSigma: sigma === (facts?.sigma ?? START_SIGMA) };
  const nfe = evaluations(way);
  const fresh = way.ownSigma ? measured.find((m) => m.nfe === nfe && !m.onInception) : undefined;
  return {
    name: facts?.name ?? row.model,
    role: facts?.role ?? 'unknown',
    sampler,
    steps,
    sigma,
    ms,
    parameters: facts?.parameters || null,
    paper: entry && reportedFid(entry),
    here: fresh?.metrics.fid ? { ...fresh, ...fresh.metrics.fid } : entry && measuredFd(entry, way),
  };
}
