import { type Dataset, skippedLine } from '../../data';
import { asInnateError, InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import type { SamplerOptions } from '../../nn/samplers';
import type { MeasureRequest } from '../../protocol/measure';
import { nextTask } from '../inference/next-task';
import type { Model } from '../models/model';
import type { SourceServices } from '../runs/sources';
import type { CallHooks, EngineServices } from '../services';
import { type FeatureStore, rangeCount, statisticsOf } from './feature-store';
import { fillStore, modelImages, type SeedClasses, type StoreHooks } from './image-blocks';
import { inceptionWeights, type SavedMeasure, type SavedReal } from './kept-measures';
import { type MeasureNetwork, openMeasureNetwork } from './measure-networks';
import type { Reference } from './measurement';
import { type RealShares, realReference } from './real-images';

export type MeasureServices = SourceServices &
  Pick<EngineServices, 'recordedSteps' | 'failure' | 'denoiser' | 'epoch' | 'recover'> & {
    exclusively: <T>(task: () => Promise<T>) => Promise<T>;
  };

/** Real images that the numbers refer to at most, where no protocol says how many. */
export const REFERENCE = 2000;
/** Network evaluations of one turn: images that somebody waits for come in between. */
const TURN_EVALUATIONS = 200;
/** How often a device may fail on the way. */
const MOST_FAILURES = 3;

/** Lets messages in, and throws where the call was cancelled. */
export const breather = (signal: AbortSignal) => async () => {
  await nextTask();
  if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
};

/** Runs a piece of work when the back-end is free, and no longer than its device lives. */
export const turnOf =
  ({ exclusively, failure }: Pick<MeasureServices, 'exclusively' | 'failure'>) =>
  <T>(task: () => Promise<T>): Promise<T> =>
    exclusively(() => Promise.race([task(), failure()]));

/** Tries again on a fresh device where one fails on the way; an attempt goes on behind what the one before it saved. */
export async function onDevices<T>(
  services: Pick<MeasureServices, 'epoch' | 'exclusively' | 'recover'>,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    const epoch = services.epoch();
    try {
      return await attempt();
    } catch (error) {
      const known = asInnateError(error, 'backend');
      if (known.code !== 'backend' || failures === MOST_FAILURES) throw known;
      await services.exclusively(() => services.recover(known, epoch));
    }
  }
}

/** What measuring in the page does, in turns with other calls; one attempt, on one device. */
export class Measuring {
  readonly breathe: () => Promise<void>;
  readonly turn: <T>(task: () => Promise<T>) => Promise<T>;

  constructor(
    private readonly services: MeasureServices,
    private readonly saved: SavedMeasure,
    private readonly hooks: CallHooks,
  ) {
    this.breathe = breather(hooks.signal);
    this.turn = turnOf(services);
  }

  /** Does something with a feature network, which goes afterwards. */
  async through<T>(
    { features, inception, protocol }: Pick<MeasureRequest, 'features' | 'inception' | 'protocol'>,
    task: (net: MeasureNetwork) => Promise<T>,
  ): Promise<T> {
    const { services } = this;
    const weights = inception && (await inceptionWeights(inception));
    const input = protocol === 'pytorch-fid' ? 'pytorch-fid' : 'tensorflow-1';
    const net = await this.turn(() =>
      openMeasureNetwork({
        features,
        weights: services.data.feature,
        inception: weights,
        input,
        plan: services.recordedSteps(),
      }),
    );
    try {
      return await task(net);
    } finally {
      net.dispose();
    }
  }

  /** Features of so many images of a model, behind those that the store has. */
  async generate(
    net: MeasureNetwork,
    model: Model,
    store: FeatureStore,
    how: { sampling: SamplerOptions; total: number; classes: SeedClasses; what?: string },
  ): Promise<void> {
    const { sampling, total, classes, what = 'generating' } = how;
    if (store.count >= total) return;
    const block = Math.max(8, Math.floor(TURN_EVALUATIONS / evaluations(sampling)));
    const denoiser = await this.turn(() => this.services.denoiser(model));
    try {
      const images = modelImages(denoiser, sampling, total, classes, { size: block });
      await fillStore(net, images, store, this.storing(net, what));
    } finally {
      denoiser.dispose();
    }
  }

  /** The real images' part, which is saved too: what goes on needs them no more, and does not open them. */
  async real(
    net: MeasureNetwork,
    open: () => Promise<Dataset>,
    shares: (size: number) => RealShares,
  ): Promise<{ real: SavedReal; reference: Reference }> {
    const { saved } = this;
    const store = await saved.store('real', net.dims);
    const known = await saved.real();
    if (known && store.count >= known.read)
      return { real: known, reference: await referenceOf(store, known) };
    const data = await open();
    const hooks = this.storing(net, 'measuring real images');
    const reference = await realReference(net, data, store, shares(data.size), hooks);
    const real = {
      used: rangeCount(reference.vectors!),
      held: reference.heldOut ? rangeCount(reference.heldOut) : 0,
      read: reference.read,
      words: reference.words,
      skipped: skippedLine(data.skipped),
    };
    await saved.saveReal(real);
    return { real, reference };
  }

  report(what: string, unit: 'images' | 'bytes' = 'images') {
    return (done: number, total: number) => this.hooks.onProgress({ what, done, total, unit });
  }

  private storing(net: MeasureNetwork, what: string): StoreHooks {
    const { breathe, turn } = this;
    return { breathe, turn, logits: net.classes !== undefined, onProgress: this.report(what) };
  }
}

async function referenceOf(store: FeatureStore, { used, held, read, words }: SavedReal): Promise<Reference> {
  const vectors = { store, from: 0, to: used };
  return {
    statistics: await statisticsOf(vectors),
    vectors,
    heldOut: held > 0 ? { store, from: read - held, to: read } : null,
    words,
  };
}
