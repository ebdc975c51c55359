import type { DistilRunState } from './store';

/** What a run was and what it came to, for somebody who has only its files. */
export function runCard(
  { about, config, plan, history, request }: DistilRunState,
  notes: string,
  backend: { name: string; label: string } | null,
) {
  const { points } = history;
  const last = points.at(-1);
  const measured = points.filter((p) => p.frechet !== undefined);
  const distance = (p: (typeof points)[number]) => ({
    images: p.images,
    value: p.frechet!,
    error: p.frechetError ?? null,
    spread: p.spread ?? null,
  });
  return {
    name: about.name,
    notes,
    teacher: about.teacherName,
    data: { name: about.dataName, images: plan?.dataImages ?? null },
    method: config.method,
    parameters: plan && { trained: plan.trainedParameters, all: plan.parameters },
    config,
    backend: backend && `${backend.name} (${backend.label})`,
    iterations: last?.iteration ?? 0,
    imagesSeen: last?.images ?? 0,
    frechet:
      measured.length === 0
        ? null
        : {
            features: plan?.features ?? null,
            reference: plan?.reference ?? null,
            n: request.measureImages,
            sampler: 'one-step',
            floor: plan?.floor ?? null,
            teacherOneStep: plan?.teacherOneStep ?? null,
            best: distance(measured.reduce((a, b) => (b.frechet! < a.frechet! ? b : a))),
            all: measured.map(distance),
          },
  };
}
