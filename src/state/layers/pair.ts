import type { Catalogue } from '../../storage/catalogue';
import type { ModelFacts } from '../models';

/** The network whose time steps are shown, and the one-step student beside it. */
export interface Pair {
  /** Shown at every noise level. */
  map: ModelFacts;
  /** Shown where it starts; null = none. */
  student: ModelFacts | null;
}

/**
 * Which two networks belong together: a student goes with the teacher that the catalogue names, a teacher with its
 * first student, anything else alone. `partner` overrides ('none' = alone).
 */
export function pairOf(
  current: ModelFacts,
  models: readonly ModelFacts[],
  catalogue: Catalogue | null,
  partner: string | null,
): Pair {
  if (partner === 'none') return { map: current, student: null };
  const chosen = models.find((m) => m.key === partner && m.key !== current.key) ?? belonging();
  if (!chosen) return { map: current, student: null };
  const reversed = current.role === 'student' || chosen.role === 'teacher';
  return reversed && chosen.role !== 'student'
    ? { map: chosen, student: current }
    : { map: current, student: chosen };

  function belonging(): ModelFacts | undefined {
    const entry = catalogue?.models.find((m) => m.id === current.key);
    const key = entry?.teacher ?? catalogue?.models.find((m) => m.teacher === current.key)?.id;
    return models.find((m) => m.key === key);
  }
}

/** Models that could be of the same architecture: what can be told without opening them. */
export const comparable = (a: ModelFacts, b: ModelFacts): boolean =>
  a.key !== b.key &&
  a.resolution === b.resolution &&
  a.channels === b.channels &&
  a.labelDim === b.labelDim &&
  a.parameters === b.parameters;
