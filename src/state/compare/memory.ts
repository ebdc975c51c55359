import type { BackendName } from '../../lib/backends';
import { MEMORY_A_PARAMETER } from '../models/wanted';
import type { RowModel } from './row-model';

/** What the largest model of the rows takes, bytes, and whether that was seen here or follows from its parameters. */
export interface LargestModel {
  bytes: number;
  seen: boolean;
}

/** The least that a parameter takes: half precision and one image's values on a GPU, float32 on WebAssembly. */
const least = (backend: BackendName | null): number => (backend === 'webgpu' ? MEMORY_A_PARAMETER : 4);

/**
 * One model is on the back-end at a time: what the largest of these takes, as seen on this page, else at least its
 * parameters. Null without any.
 */
export function largestModel(
  models: readonly RowModel[],
  seen: Readonly<Record<string, number>>,
  backend: BackendName | null,
): LargestModel | null {
  return models
    .flatMap(({ facts }) => {
      if (!facts) return [];
      const known = seen[facts.key];
      return [{ bytes: known ?? facts.parameters * least(backend), seen: known !== undefined }];
    })
    .reduce<LargestModel | null>((a, b) => (a && a.bytes >= b.bytes ? a : b), null);
}
