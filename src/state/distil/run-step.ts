import type { LongSteps, StepEnd, StepTeller } from '../long-steps';
import { type DistilRunState, type DistilStore, imagesSeen, isUnderWay, secondsLeft } from './store';

/** Puts the run under way among what takes long while it computes: one that rests takes nobody's time. */
export function followStep(distil: DistilStore, steps: LongSteps, pause: () => void): void {
  let told: { id: string; images: number; step: StepTeller } | null = null;
  distil.subscribe(({ run }) => {
    const live = run && computes(run) ? run : null;
    if (told && told.id !== live?.about.id) {
      told.step.end(endOf(run, told.id));
      told = null;
    }
    if (!live) return;
    const { id, name } = live.about;
    const images = imagesSeen(live);
    told ??= {
      id,
      images: -1,
      step: steps.begin({
        kind: 'distilling',
        subject: name,
        cancel: pause,
        word: 'Pause',
        place: { tab: 'distil', run: id },
      }),
    };
    if (images === told.images) return;
    told.images = images;
    told.step.progress({ done: images, total: live.config.images, unit: 'images', left: secondsLeft(live) });
  });
}

const computes = (run: DistilRunState): boolean => isUnderWay(run) && run.phase === 'running';

function endOf(run: DistilRunState | null, id: string): StepEnd {
  if (run?.about.id !== id) return 'cancelled';
  if (run.phase === 'finished') return 'done';
  return run.phase === 'failed' || run.interrupted ? 'failed' : 'cancelled';
}
