import { SIGMAS } from '../../lib/noise-levels';
import type { Findings } from '../../state/layers/store';
import { sigmaText, startOf, unchangedShare, verdict } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';

/** A picture of the looks that a step shows. */
export type GuideShot = 'input' | 'denoised' | 'oneStep' | 'sampled';

export interface GuideStep {
  title: string;
  text: (findings: Findings | null) => string;
  shots: readonly GuideShot[];
  /** What the step sets in the view. */
  view: Partial<LayersView>;
}

/**
 * From 'what is sigma' to 'why one step is enough', for a teacher and its student. Each of the paper's two claims is
 * stated where its evidence is shown. Numbers are the map's own.
 */
export const GUIDE: readonly GuideStep[] = [
  {
    title: 'What is sigma?',
    text: () =>
      'Sigma is the amount of noise added to a picture. Drag it: at 80 nothing of the picture is visible, at 0.1 almost all of it is. The teacher guesses the picture underneath.',
    shots: ['input', 'denoised'],
    view: { at: 1.92 },
  },
  {
    title: 'A teacher needs many steps.',
    text: () =>
      'From pure noise, one step of the teacher gives a blur: the average of everything it could become. Its sampler takes 18 steps, 35 runs of the network, from sigma 80 down to 0.',
    shots: ['denoised', 'sampled'],
    view: { at: SIGMAS.max },
  },
  {
    title: 'The student takes one step.',
    text: () =>
      'The paper’s claim 1: a student need not copy its teacher image by image; learning only to make believable images is enough. This one learned that way. From the same noise the two images are related but not equal, and the student’s is sharp after one run.',
    shots: ['sampled', 'oneStep'],
    view: { at: SIGMAS.max },
  },
  {
    title: 'Each layer works hardest at certain noise levels.',
    text: hours,
    shots: [],
    view: { quantity: 'rms', scale: 'row' },
  },
  {
    title: 'Which noise levels do the student’s layers resemble?',
    text: likeness,
    shots: [],
    view: { quantity: 'rms', scale: 'row' },
  },
  {
    title: 'Most of it was there already.',
    text: unmoved,
    shots: ['denoised', 'oneStep'],
    view: { at: SIGMAS.max },
  },
  {
    title: 'Why one step is enough.',
    text: conclusion,
    shots: ['oneStep'],
    view: {},
  },
];

const blocksOf = (findings: Findings) => findings.rows.flatMap((r) => (r.part === null ? [r.name] : []));

/** Rows by where they are strongest. */
function hours(findings: Findings | null): string {
  const means =
    'The paper’s claim 2: a teacher’s layers are active at different noise levels, so most of them can stay as they are and still give a one-step student. In the map each row is a block of the teacher, each column a sigma; the stronger the colour, the stronger the block is there.';
  if (!findings) return means;
  let high = 0;
  let low = 0;
  let rows = 0;
  findings.rows.forEach((row, i) => {
    if (row.part !== null) return;
    const values = findings.sigmas.map((_, level) => findings.table.cell('rms', i, level)?.mean ?? null);
    if (values.some((v) => v === null)) return;
    rows++;
    const half = values.length / 2;
    const peak = (values as number[]).indexOf(Math.max(...(values as number[])));
    if (peak < half) high++;
    else low++;
  });
  if (rows === 0) return means;
  return `${means} Here ${high} of ${rows} blocks peak in the noisy half and ${low} in the clean half.`;
}

function likeness(findings: Findings | null): string {
  const means = 'An orange dot marks the sigma at which the teacher’s block is most like the student’s.';
  if (!findings?.likeness) return `${means} The comparison is still being measured.`;
  const start = startOf(findings);
  const { low, high, unclear, lowInDecoder, lowSigma, blocks } = verdict(
    findings.likeness,
    blocksOf(findings),
    findings.sigmas,
    start,
  );
  return `${means} The student is only ever run at ${sigmaText(start)}, yet ${low.length} of ${blocks} blocks (${lowInDecoder} of them in the decoder) act like the teacher at sigma ${sigmaText(lowSigma)} or less; ${high.length} act like it at higher sigma.${unclear.length > 0 ? ` For ${unclear.length}, hollow dots, no sigma stands out.` : ''}`;
}

function unmoved(findings: Findings | null): string {
  if (!findings?.weights) return 'The bars on the right show how much of each block’s weights changed.';
  const share = Math.round(100 * unchangedShare(findings.weights));
  return share > 5
    ? `${share} % of the student’s weights are the teacher’s, to the last digit: they were frozen. Norms, skips and attention were retuned (bars on the right). So the skill to make a picture in one go was in the teacher: innate.`
    : 'Here no weights were frozen: the bars on the right show how far each block moved from the teacher.';
}

function conclusion(findings: Findings | null): string {
  if (!findings?.likeness || !findings.weights) return 'The numbers are still being measured.';
  const { low, unclear, blocks } = verdict(
    findings.likeness,
    blocksOf(findings),
    findings.sigmas,
    startOf(findings),
  );
  const share = Math.round(100 * unchangedShare(findings.weights));
  const deepest = Math.min(
    ...findings.likeness.cka.flatMap((levels, b) => {
      const at = levels.indexOf(Math.max(...levels.map((v) => v ?? 0)));
      return low.includes(blocksOf(findings)[b]!) ? [findings.sigmas[at]!] : [];
    }),
  );
  if (unclear.length > blocks / 2)
    return `For ${unclear.length} of ${blocks} student blocks no sigma stands out: this pair neither supports claim 2 nor contradicts it, although ${share} % of the weights are the teacher’s.`;
  if (low.length === 0)
    return `This pair does not show it: none of ${blocks} student blocks is clearly like the teacher at low sigma, although ${share} % of the weights are the teacher’s.`;
  return `In one pass the student uses layers as the teacher does late, down to sigma ${sigmaText(deepest)}: ${low.length} of ${blocks} blocks, with ${share} % of the weights unchanged. That supports claim 2 for these blocks, in this small model. Now silence one and watch.`;
}
