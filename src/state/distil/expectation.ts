import { isAdversarial } from '../../distil/config';
import type { DistilRunState } from './store';

/**
 * What the default run looks like on the way, measured on the clothes (docs/distil.md): for whoever sees its images get
 * worse before they get better. Images seen up to which a sentence holds.
 */
const STAGES: readonly { until: number; text: string }[] = [
  { until: 400, text: 'Still the teacher’s blur: the rates are rising, and the average follows slowly.' },
  {
    until: 1_500,
    text: 'Ugly before good: shapes sharpen and break up at the same time. Watch the distance, not single images.',
  },
  {
    until: 4_000,
    text: 'Shapes settle. Go by the distance: while it falls, the student gets better.',
  },
];

/** A sentence for a run that starts from a teacher; null where there is nothing to say. */
export function expectation(run: Pick<DistilRunState, 'config' | 'ended'>, images: number): string | null {
  const { config, ended } = run;
  if (ended || !isAdversarial(config.method) || images === 0) return null;
  return STAGES.find(({ until }) => images <= until)?.text ?? null;
}
