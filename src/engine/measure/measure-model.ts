import { skippedLine } from '../../data';
import { blobSource } from '../../formats/source';
import { asInnateError, InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { defaultSampling } from '../../nn/samplers';
import {
  METRIC_NAMES,
  type MeasureReal,
  type MeasureRequest,
  type MeasureResult,
  setsOf,
} from '../../protocol/measure';
import { nextTask } from '../inference/next-task';
import type { Model } from '../models/model';
import { withRunLock } from '../runs/lock';
import type { SourceServices } from '../runs/sources';
import type { CallHooks, EngineServices } from '../services';
import { type FeatureStore, rangeCount, statisticsOf } from './feature-store';
import { fillStore, modelImages, type StoreHooks } from './image-blocks';
import { inceptionWeights, SavedMeasure, type SavedReal } from './kept-measures';
import { FEATURE_WORDS, type MeasureNetwork, openMeasureNetwork } from './measure-networks';
import { measureSets, type Reference } from './measurement';
import { realReference } from './real-images';
import { readStatistics } from './statistics-file';

export type MeasureServices = SourceServices &
  Pick<EngineServices, 'recordedSteps' | 'failure' | 'denoiser' | 'epoch' | 'recover'> & {
    exclusively: <T>(task: () => Promise<T>) => Promise<T>;
  };

/** Real images that the numbers refer to at most, where no protocol says how many. */
const REFERENCE = 2000;
/** The same of protocols that name no number, as `innate evaluate` has it. */
const PROTOCOL_REFERENCE = 5000;
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

/**
 * Measures any model against real images: what `innate evaluate` does, in turns with other calls. What is computed is saved
 * block by block; a cancelled, killed or failed measurement goes on behind it, to the same numbers.
 */
export function measureInPage(
  request: MeasureRequest,
  services: MeasureServices,
  hooks: CallHooks,
): Promise<MeasureResult> {
  return withRunLock(`measure-${request.id}`, async () => {
    const saved = await SavedMeasure.open(request.id);
    for (let failures = 0; ; failures++) {
      const epoch = services.epoch();
      try {
        const result = await new Measuring(request, services, saved, hooks).run();
        await SavedMeasure.remove(request.id);
        return result;
      } catch (error) {
        const known = asInnateError(error, 'backend');
        if (known.code !== 'backend' || failures === MOST_FAILURES) throw known;
        await services.exclusively(() => services.recover(known, epoch));
      }
    }
  });
}

/** One attempt, on one device. */
class Measuring {
  private readonly breathe: () => Promise<void>;
  private readonly turn: <T>(task: () => Promise<T>) => Promise<T>;

  constructor(
    private readonly request: MeasureRequest,
    private readonly services: MeasureServices,
    private readonly saved: SavedMeasure,
    private readonly hooks: CallHooks,
  ) {
    this.breathe = breather(hooks.signal);
    this.turn = turnOf(services);
  }

  async run(): Promise<MeasureResult> {
    const { request, services, turn } = this;
    const { features, inception, protocol } = request;
    const { model } = await turn(() => services.model(request.model));
    const weights = inception && (await inceptionWeights(inception));
    const input = protocol === 'pytorch-fid' ? 'pytorch-fid' : 'tensorflow-1';
    const net = await turn(() =>
      openMeasureNetwork({
        features,
        weights: services.data.feature,
        inception: weights,
        input,
        plan: services.recordedSteps(),
      }),
    );
    try {
      return await this.through(net, model);
    } finally {
      net.dispose();
    }
  }

  private async through(net: MeasureNetwork, model: Model): Promise<MeasureResult> {
    const { request, saved, breathe } = this;
    const { protocol, features } = request;
    const { perSet, sets } = setsOf(protocol, request.count);
    const { real, reference } = await this.real(net, model, perSet);
    const store = await saved.store('made', net.dims);
    const sampling = {
      ...defaultSampling(model.config.unet.imgResolution, model),
      sampler: request.sampler,
      steps: request.steps,
    };
    await this.generate(net, model, store, sampling, perSet * sets);
    const metrics = METRIC_NAMES.filter((name) => name !== 'is' || net.classes !== undefined);
    const found = await measureSets(
      Array.from({ length: sets }, (_, i) => ({ store, from: i * perSet, to: (i + 1) * perSet })),
      reference,
      metrics,
      { breathe, onWhat: (what) => this.report(`computing: ${what}`)(0, 0) },
    );
    return {
      ...found,
      features: FEATURE_WORDS[features],
      onInception: features === 'inception',
      protocol,
      nfe: evaluations(sampling),
      n: perSet,
      reference: real.words,
      read: real.read,
      skipped: real.skipped,
    };
  }

  private async generate(
    net: MeasureNetwork,
    model: Model,
    store: FeatureStore,
    sampling: Parameters<typeof modelImages>[1],
    total: number,
  ): Promise<void> {
    if (store.count >= total) return;
    const classes = this.request.protocol === 'edm' ? 'of-seed' : 'in-turn';
    const block = Math.max(8, Math.floor(TURN_EVALUATIONS / evaluations(sampling)));
    const denoiser = await this.turn(() => this.services.denoiser(model));
    try {
      const images = modelImages(denoiser, sampling, total, classes, block);
      await fillStore(net, images, store, this.storing(net, 'generating'));
    } finally {
      denoiser.dispose();
    }
  }

  /** The real images' part, which is saved too: a measurement that goes on needs them no more. */
  private async real(
    net: MeasureNetwork,
    model: Model,
    perSet: number,
  ): Promise<{ real: SavedReal; reference: Reference }> {
    const { request, saved, services } = this;
    const store = await saved.store('real', net.dims);
    if (request.data?.kind === 'statistics') return statisticsReference(request.data, net.dims);
    const known = await saved.real();
    if (known && store.count >= known.read)
      return { real: known, reference: await referenceOf(store, known) };
    if (!request.data)
      throw new InnateError('not-found', 'the real images are needed once more', {
        hint: 'Choose them again, then go on',
      });
    const data = await services.data.open(
      request.data,
      model.config,
      this.report('downloading images', 'bytes'),
      0,
    );
    const shares =
      request.protocol === 'edm'
        ? { reference: data.size, heldOut: 0 }
        : { reference: request.protocol === null ? REFERENCE : PROTOCOL_REFERENCE, heldOut: perSet };
    const hooks = this.storing(net, 'measuring real images');
    const reference = await realReference(net, data, store, shares, hooks);
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

  private storing(net: MeasureNetwork, what: string): StoreHooks {
    const { breathe, turn } = this;
    return { breathe, turn, logits: net.classes !== undefined, onProgress: this.report(what) };
  }

  private report(what: string, unit: 'images' | 'bytes' = 'images') {
    return (done: number, total: number) => this.hooks.onProgress({ what, done, total, unit });
  }
}

/** The reference of a file that has mean and covariance alone: its distance has no floor, and nothing is paired with it. */
function statisticsReference(
  { file, name }: Extract<MeasureReal, { kind: 'statistics' }>,
  dims: number,
): { real: SavedReal; reference: Reference } {
  const statistics = readStatistics(blobSource(file, name), dims);
  if (!statistics)
    throw new InnateError('bad-file', 'no reference statistics', {
      where: name,
      expected: 'an .npz with mu and sigma, as EDM, pytorch-fid and --save-features write it',
    });
  const words = `the statistics in ${name}`;
  const real = { used: 0, held: 0, read: 0, words, skipped: '' };
  return { real, reference: { statistics, vectors: null, heldOut: null, words } };
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
