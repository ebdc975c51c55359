import * as v from 'valibot';
import { MEASURE_FEATURES } from '../../protocol/measure';
import type { RunDistances } from '../../protocol/run-distances';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const KEPT = v.object({
  version: v.literal(1),
  distances: v.array(
    v.object({
      features: v.picklist(MEASURE_FEATURES),
      words: v.string(),
      n: count,
      reference: v.string(),
      floor: v.nullable(v.number()),
      nfe: count,
      moments: v.array(v.object({ images: count, value: v.number(), error: v.nullable(v.number()) })),
    }),
  ),
});

/** What is written down of them. */
export const keptDistances = (distances: readonly RunDistances[]) => ({ version: 1, distances });

/** Distances as they were written down; none where that is damaged or of another version: they can be measured again. */
export function parseDistances(text: string): RunDistances[] {
  try {
    return v.parse(KEPT, JSON.parse(text)).distances;
  } catch {
    return [];
  }
}
