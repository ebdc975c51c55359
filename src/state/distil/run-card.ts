import { studentSampling } from '../../distil/config';
import { ownSampler } from '../../lib/sampling';
import { backendLine } from '../../lib/words';
import type { DistilRunState } from './store';

/** What a run was and what it came to, for somebody who has only its files. */
export function runCard(
  { about, config, plan, history, request }: DistilRunState,
  notes: string,
  backend: { name: string; label: string } | null,
) {
  const { points } = history;
  const last = points.at(-1);
  const distances = points.flatMap(({ images, frechet, frechetError, spread }) =>
    frechet === undefined
      ? []
      : [{ images, value: frechet, error: frechetError ?? null, spread: spread ?? null }],
  );
  return {
    name: about.name,
    notes,
    teacher: about.teacherName,
    data: { name: about.dataName, images: plan?.dataImages ?? null },
    method: config.method,
    sampling: { sampler: ownSampler(studentSampling(config)), ...studentSampling(config) },
    parameters: plan && { trained: plan.trainedParameters, all: plan.parameters },
    config,
    backend: backend && backendLine(backend),
    iterations: last?.iteration ?? 0,
    imagesSeen: last?.images ?? 0,
    frechet:
      distances.length === 0
        ? null
        : {
            features: plan?.features ?? null,
            reference: plan?.reference ?? null,
            n: request.measureImages,
            sampler: ownSampler(studentSampling(config)),
            floor: plan?.floor ?? null,
            teacherOneStep: plan?.teacherOneStep ?? null,
            best: distances.reduce((a, b) => (b.value < a.value ? b : a)),
            all: distances,
          },
  };
}
