import { useEffect, useState } from 'react';
import { defaultSteps, ownSampler } from '../../lib/sampling';
import type { MeasureFeatures, MeasureProtocol, MeasureReal } from '../../protocol/measure';
import type { DataRef } from '../../protocol/models';
import { fittingPack, misfit, type SamplePack } from '../../state/distil/packs';
import type { MeasuredHow } from '../../state/measure/store';
import type { ModelFacts } from '../../state/models';
import { useApp, useDistil } from '../../state/react';

/** Images of a distance where no protocol says how many: enough for two digits, few enough for a processor. */
const USUAL = 300;

export type OwnFiles = Extract<DataRef, { kind: 'files' }>;

/** What is measured, how, and against what. */
export interface Choices {
  how: MeasuredHow;
  /** The sample packs that fit the model. */
  packs: readonly SamplePack[];
  pack: SamplePack | null;
  own: OwnFiles | null;
  /** Images: what copies are looked for in. */
  data: DataRef | null;
  /** What is measured against: those, or statistics of others. */
  real: MeasureReal | null;
  statistics: File | null;
  set(change: Partial<MeasuredHow>): void;
  choosePack(id: string): void;
  chooseOwn(files: OwnFiles): void;
  chooseStatistics(file: File): void;
}

/** What stands among the packs for a person's own images, and for statistics. */
export const OWN = 'own';
export const STATISTICS = 'statistics';

const NO_PACKS: readonly SamplePack[] = [];

export function useChoices(model: ModelFacts): Choices {
  const { controller } = useApp();
  const packs = useDistil((s) => s.packs ?? NO_PACKS);
  const [chosen, setChosen] = useState<string | null>(null);
  const [own, setOwn] = useState<OwnFiles | null>(null);
  const [statistics, setStatistics] = useState<File | null>(null);
  const [how, setHow] = useState<MeasuredHow>({
    protocol: null as MeasureProtocol | null,
    count: USUAL,
    sampler: model.role === 'teacher' ? 'heun' : ownSampler(model),
    steps: defaultSteps(model.resolution),
    features: 'resnet56' as MeasureFeatures,
  });
  useEffect(() => void controller.inside.loadPacks(), [controller]);
  const fitting = packs.filter((pack) => misfit(pack, model) === null);
  const pack = fitting.find((p) => p.id === chosen) ?? fittingPack(packs, model);
  const data: DataRef | null = own ?? (pack && { kind: 'pack', id: pack.id });
  return {
    how,
    packs: fitting,
    pack,
    own,
    data,
    real: statistics ? { kind: 'statistics', file: statistics, name: statistics.name } : data,
    statistics,
    set: (change) => setHow((before) => ({ ...before, ...change })),
    choosePack(id) {
      if (id === STATISTICS) return;
      setStatistics(null);
      if (id === OWN) return;
      setOwn(null);
      setChosen(id);
    },
    chooseOwn(files) {
      setStatistics(null);
      setOwn(files);
    },
    chooseStatistics: setStatistics,
  };
}
