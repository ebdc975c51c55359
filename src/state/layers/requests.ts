import { QUANTITIES } from '../../lib/activations';
import { inspectionLevels } from '../../lib/noise-levels';
import type { InspectRequest, LayersInput, LookRequest } from '../../protocol/layers';
import { fittingPack, type SamplePack } from '../distil/packs';
import type { ModelFacts } from '../models';
import type { Pair } from './pair';
import type { Looks } from './store';
import { type LayersView, SAMPLED_IN_GUIDE } from './view';

/** What the Layers tab asks the engine for, as a function of what it shows. */

/** Seeds of the comparison where none comes with the page. */
const EXAMPLES = 32;
/** Images whose frequencies are looked at: they cost as much as the rest of the measurement. */
const SPECTRA = 2;
/** Heun steps of the teacher's own image. */
const SAMPLED_STEPS = 18;

/** Whose noise the networks are shown: the seed and the class that every tab shares. */
export interface Shown {
  seed: number;
  classIndex: number | null;
}

/** The whole map of a pair as the view wants it. */
export function inspectRequest(
  pair: Pair,
  view: LayersView,
  { seed, classIndex }: Shown,
  packs: readonly SamplePack[],
): InspectRequest {
  const pack = ownPack(pair.map, packs);
  const kind: LayersInput = view.input ?? (pack ? 'noised' : 'trajectory');
  const data = kind === 'noised' ? (pack ?? fittingPack(packs, pair.map)) : null;
  return {
    model: pair.map.ref,
    student: pair.student?.ref ?? null,
    ...(pair.student && { studentSigma: pair.student.sigma }),
    sigmas: inspectionLevels(view.spacing, view.levels),
    input: {
      kind: kind === 'noised' && !data ? 'trajectory' : kind,
      data: data && { kind: 'pack', id: data.id },
      classIndex: classIndex !== null && classIndex < pair.map.labelDim ? classIndex : null,
    },
    seeds: Array.from({ length: view.samples }, (_, i) => Math.floor(seed) + i),
    quantities: [...QUANTITIES],
    first: view.quantity === 'rms' ? ['rms'] : [...QUANTITIES],
    parts: view.open.length > 0,
    spectra: SPECTRA,
    examples: EXAMPLES,
  };
}

/** The looks that the view shows; null where it shows none in that slot. */
export function lookRequests(
  pair: Pair,
  view: LayersView,
  { seed, classIndex }: Shown,
  { input }: InspectRequest,
): Record<keyof Looks, LookRequest | null> {
  const gains = { ...view.gains };
  const common = { input: { ...input, classIndex }, seed: Math.floor(seed), gains };
  const noise = { ...common, input: { ...common.input, kind: 'noise' as const, data: null } };
  const own = pair.student ?? pair.map;
  return {
    input: { ...common, slot: 'input', model: pair.map.ref, sigma: view.at, want: 'input', gains: {} },
    denoised: { ...common, slot: 'denoised', model: pair.map.ref, sigma: view.at, want: 'denoised' },
    oneStep: { ...noise, slot: 'oneStep', model: own.ref, sigma: own.sigma, want: 'denoised' },
    sampled: SAMPLED_IN_GUIDE.includes(view.guide)
      ? {
          ...noise,
          slot: 'sampled',
          model: pair.map.ref,
          sigma: pair.map.sigma,
          want: 'sampled',
          steps: SAMPLED_STEPS,
          gains: {},
        }
      : null,
    maps: view.row
      ? { ...common, slot: 'maps', model: pair.map.ref, sigma: view.at, want: 'maps', row: view.row }
      : null,
    versus: versus(),
  };

  function versus(): LookRequest | null {
    if (!view.row || view.versus === 'none') return null;
    const base = { slot: 'versus', want: 'maps' as const, row: view.row };
    if (view.versus === 'student')
      return pair.student && { ...noise, ...base, model: pair.student.ref, sigma: pair.student.sigma };
    return { ...common, ...base, model: pair.map.ref, sigma: view.versusAt };
  }
}

/** What is measured, whichever part of it comes first. */
export const requestKey = ({ first: _, ...request }: InspectRequest): string => JSON.stringify(request);

export const pairKey = ({ map, student }: Pair): string =>
  `${map.key} ${student ? `${student.key} ${student.sigma}` : ''}`;

/** The pack of the images that the network was trained on. */
const ownPack = (model: ModelFacts, packs: readonly SamplePack[]) =>
  packs.find((pack) => pack.id === model.dataset) ?? null;
