import { blobSource } from '../../formats/source';
import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { defaultSampling } from '../../nn/samplers';
import {
  METRIC_NAMES,
  type MeasureReal,
  type MeasureRequest,
  type MeasureResult,
  setsOf,
} from '../../protocol/measure';
import type { Model } from '../models/model';
import type { CallHooks } from '../services';
import { SavedMeasure, type SavedReal } from './kept-measures';
import { measureLocks } from './locks';
import { FEATURE_WORDS, type MeasureNetwork } from './measure-networks';
import { measureSets, type Reference } from './measurement';
import { type MeasureServices, Measuring, onDevices, REFERENCE } from './measuring';
import { readStatistics } from './statistics-file';

/** Real images that the numbers of protocols refer to that name no number, as `innate evaluate` has it. */
const PROTOCOL_REFERENCE = 5000;

/**
 * Measures any model against real images: what `innate evaluate` does, in turns with other calls. What is computed is saved
 * block by block; a cancelled, killed or failed measurement goes on behind it, to the same numbers.
 */
export function measureInPage(
  request: MeasureRequest,
  services: MeasureServices,
  hooks: CallHooks,
): Promise<MeasureResult> {
  return measureLocks.hold(request.id, async () => {
    const saved = await SavedMeasure.open(request.id);
    const result = await onDevices(services, async () => {
      const measuring = new Measuring(services, saved, hooks);
      const { model } = await measuring.turn(() => services.model(request.model));
      return measuring.through(request, (net) =>
        measure(request, measuring, { net, model, services, saved }),
      );
    });
    await SavedMeasure.remove(request.id);
    return result;
  });
}

interface Parts {
  net: MeasureNetwork;
  model: Model;
  services: MeasureServices;
  saved: SavedMeasure;
}

async function measure(request: MeasureRequest, measuring: Measuring, parts: Parts): Promise<MeasureResult> {
  const { net, model, saved } = parts;
  const { protocol, features } = request;
  const { perSet, sets } = setsOf(protocol, request.count);
  const { real, reference } = await realPart(request, measuring, parts);
  const store = await saved.store('made', net.dims);
  const sampling = {
    ...defaultSampling(model.config.unet.imgResolution, model),
    sampler: request.sampler,
    steps: request.steps,
  };
  const classes = protocol === 'edm' ? 'of-seed' : 'in-turn';
  await measuring.generate(net, model, store, { sampling, total: perSet * sets, classes });
  const metrics = METRIC_NAMES.filter((name) => name !== 'is' || net.classes !== undefined);
  const found = await measureSets(
    Array.from({ length: sets }, (_, i) => ({ store, from: i * perSet, to: (i + 1) * perSet })),
    reference,
    metrics,
    { breathe: measuring.breathe, onWhat: (what) => measuring.report(`computing: ${what}`)(0, 0) },
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

/** What is measured against: a file of statistics, or images. */
async function realPart(
  request: MeasureRequest,
  measuring: Measuring,
  { net, model, services }: Parts,
): Promise<{ real: SavedReal; reference: Reference }> {
  const { data, protocol, count } = request;
  if (data?.kind === 'statistics') return statisticsReference(data, net.dims);
  const open = async () => {
    if (data)
      return services.data.open(data, model.config, measuring.report('downloading images', 'bytes'), 0);
    throw new InnateError('not-found', 'the real images are needed once more', {
      hint: 'Choose them again, then go on',
    });
  };
  return measuring.real(net, open, (size) =>
    protocol === 'edm'
      ? { reference: size, heldOut: 0 }
      : {
          reference: protocol === null ? REFERENCE : PROTOCOL_REFERENCE,
          heldOut: setsOf(protocol, count).perSet,
        },
  );
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
