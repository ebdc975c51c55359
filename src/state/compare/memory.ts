import type { RowModel } from './row-model';

/** What the largest model of the rows takes, bytes, and whether that was seen here or follows from its parameters. */
export interface LargestModel {
  bytes: number;
  seen: boolean;
}

/** Bytes of a parameter in memory where nothing is known better: float32, as WebAssembly and most GPUs hold it. */
const PARAMETER_BYTES = 4;

/**
 * One model is on the back-end at a time: what the largest of these takes, as seen on this page, else at least its
 * parameters. Null without any.
 */
export function largestModel(
  models: readonly RowModel[],
  seen: Readonly<Record<string, number>>,
): LargestModel | null {
  return models
    .flatMap(({ facts }) => {
      if (!facts) return [];
      const known = seen[facts.key];
      return [{ bytes: known ?? facts.parameters * PARAMETER_BYTES, seen: known !== undefined }];
    })
    .reduce<LargestModel | null>((a, b) => (a && a.bytes >= b.bytes ? a : b), null);
}
