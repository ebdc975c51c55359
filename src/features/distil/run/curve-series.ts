import type { StudentNfe } from '../../../distil/config';
import type { CurvePoint } from '../../../distil/curve';
import { counted } from '../../../lib/words';
import type { DistilPlan } from '../../../protocol/distil';
import { stepSeconds } from '../../../state/distil/store';
import type { CurveLevel, CurveSeries } from '../../../ui/curve-data';

export const AXES = ['images', 'time'] as const;
export type XAxis = (typeof AXES)[number];

/** What the curves of a run stand over. */
export interface Abscissa {
  xs: number[];
  unit: string;
}

/** Images seen, or the time of the steps in the unit that gives readable numbers. */
export function abscissa(points: readonly CurvePoint[], axis: XAxis, batch: number): Abscissa {
  if (axis === 'images') return { xs: points.map((p) => p.images), unit: 'images' };
  const seconds = stepSeconds(points, batch);
  const total = seconds.at(-1) ?? 0;
  const [size, unit] = total < 600 ? [1, 'seconds'] : total < 36_000 ? [60, 'minutes'] : [3600, 'hours'];
  return { xs: seconds.map((s) => s / size), unit };
}

const GENERATOR = { colour: '--cat-1', dash: '--dash-1' };
const DISCRIMINATOR = { colour: '--cat-3', dash: '--dash-2' };

export interface RunCurves {
  losses: CurveSeries[];
  logits: CurveSeries[];
  gradients: CurveSeries[];
  spread: CurveSeries[];
  frechet: CurveSeries[];
  levels: CurveLevel[];
}

export function runCurves(
  points: readonly CurvePoint[],
  plan: DistilPlan | null,
  adversarial: boolean,
  nfe: StudentNfe,
): RunCurves {
  const column = (key: keyof CurvePoint) => points.map((p) => p[key] ?? null);
  return {
    losses: [
      { name: adversarial ? 'Generator' : 'Difference', values: column('lossG'), ...GENERATOR },
      ...(adversarial ? [{ name: 'Discriminator', values: column('lossD'), ...DISCRIMINATOR }] : []),
    ],
    logits: adversarial
      ? [
          { name: 'Real', values: column('logitsReal'), colour: '--cat-4', dash: '--dash-1' },
          { name: 'Student', values: column('logitsFake'), colour: '--cat-1', dash: '--dash-2' },
        ]
      : [],
    gradients: [
      { name: 'Generator', values: column('gradientNormG'), ...GENERATOR },
      ...(adversarial ? [{ name: 'Discriminator', values: column('gradientNormD'), ...DISCRIMINATOR }] : []),
    ],
    spread: [{ name: 'Samples', values: column('sampleSpread'), sparse: true, ...GENERATOR }],
    frechet: [{ name: 'Student', values: column('frechet'), sparse: true, ...GENERATOR }],
    levels: [
      ...(plan?.teacherOneStep != null
        ? [
            {
              name: `Teacher, ${counted(nfe, 'step')}`,
              value: plan.teacherOneStep,
              colour: '--cat-2',
              dash: '--dash-2',
            },
          ]
        : []),
      ...(plan?.floor != null
        ? [{ name: 'Held-out real', value: plan.floor, colour: '--cat-6', dash: '--dash-3' }]
        : []),
    ],
  };
}

/** Where real images stand on the axis of the spread. */
export const REAL_SPREAD: CurveLevel = {
  name: 'Real images',
  value: 1,
  colour: '--cat-4',
  dash: '--dash-3',
};
