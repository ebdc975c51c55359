import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { spreadMoments } from '../../lib/thin';
import { counted } from '../../lib/words';
import { defaultSampling } from '../../nn/samplers';
import { type MeasureRunRequest, type RunDistances, sameMeasure } from '../../protocol/run-distances';
import { remove } from '../../storage/opfs';
import { type ListedRun, openRun, studentAt, studentMoments } from '../runs/moments';
import { runImages } from '../runs/sources';
import { studentModel } from '../runs/student';
import type { CallHooks } from '../services';
import { SavedMeasure } from './kept-measures';
import { measureLocks } from './locks';
import { FEATURE_WORDS, type MeasureNetwork } from './measure-networks';
import { measureSets, type Reference } from './measurement';
import { type MeasureServices, Measuring, onDevices, REFERENCE } from './measuring';

export interface RunHooks extends CallHooks {
  /** Hears all distances of the run each time that one is there; they are saved by then. */
  onMeasured: (distances: RunDistances[]) => void;
}

/**
 * Measures kept students of a run, evenly spread over its moments with the first, the best and the last among them, against
 * the run's own real images. A distance is saved as soon as it is there, and features block by block: what was cut off goes
 * on behind them. Moments that were measured the same way before are not measured again. Resolves with all distances.
 */
export function measureRun(
  request: MeasureRunRequest,
  services: MeasureServices,
  hooks: RunHooks,
): Promise<RunDistances[]> {
  return measureLocks.hold(`moments-${request.run}`, async () => {
    const run = await openRun(request.run);
    const { moments, best } = await studentMoments(run);
    if (moments.length === 0)
      throw new InnateError('not-found', 'nothing of this run is saved yet', {
        where: run.record.about.name,
      });
    const chosen = spreadMoments(moments, best, request.moments);
    const folder = await run.folder.measuring();
    const how = `${request.features}-${request.count}`;
    const place = await SavedMeasure.below(folder, how);
    const measuring = () =>
      new RunMeasuring(request, run, services, new Measuring(services, place, hooks), place);
    await onDevices(services, () => measuring().measure(chosen, hooks.onMeasured).catch(gone));
    await remove(folder, how);
    return run.folder.distances();
  });
}

/** A run that is deleted meanwhile takes its folder along: that is no failure of the device. */
function gone(error: unknown): never {
  if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
  throw new InnateError('not-found', 'a file of this run is gone', { hint: 'Open the run again' }, error);
}

/** One attempt, on one device. */
class RunMeasuring {
  constructor(
    private readonly request: MeasureRunRequest,
    private readonly run: ListedRun,
    private readonly services: MeasureServices,
    private readonly measuring: Measuring,
    private readonly saved: SavedMeasure,
  ) {}

  async measure(chosen: readonly number[], onMeasured: RunHooks['onMeasured']): Promise<void> {
    const known = await this.known();
    const missing = chosen.filter((images) => !known?.moments.some((moment) => moment.images === images));
    if (missing.length === 0) return;
    await this.measuring.through({ ...this.request, protocol: null }, async (net) => {
      const reference = await this.reference(net, missing[0]!);
      for (const [i, images] of missing.entries()) {
        const name = `after ${counted(images, 'image')}, ${i + 1} of ${missing.length}`;
        onMeasured(await this.moment(net, reference, images, name));
      }
    });
  }

  private async reference(net: MeasureNetwork, moment: number): Promise<Reference> {
    const { run, services, measuring, request } = this;
    const open = async () => {
      const { teacher } = await measuring.turn(() => studentAt(run, moment, services));
      const images = await runImages(run.record, run.folder, request.files);
      return services.data.open(images, teacher.config, measuring.report('downloading images', 'bytes'), 0);
    };
    const { reference } = await measuring.real(net, open, () => ({
      reference: REFERENCE,
      heldOut: request.count,
    }));
    return reference;
  }

  /** Distance of one student; resolves with all of the run. */
  private async moment(
    net: MeasureNetwork,
    reference: Reference,
    images: number,
    name: string,
  ): Promise<RunDistances[]> {
    const { run, services, measuring, saved, request } = this;
    const { teacher, weights } = await measuring.turn(() => studentAt(run, images, services));
    const model = studentModel(teacher, weights, run.record.config, images);
    const sampling = defaultSampling(model.config.unet.imgResolution, model);
    const store = await saved.store(`made-${images}`, net.dims);
    const total = request.count;
    await measuring.generate(net, model, store, { sampling, total, classes: 'in-turn', what: name });
    measuring.report(`${name}: Fréchet distance`)(0, 0);
    const floor = (await this.known())?.floor;
    const found = await measureSets(
      [{ store, from: 0, to: total }],
      floor === undefined ? reference : { ...reference, heldOut: null },
      ['fid'],
      { breathe: measuring.breathe },
    );
    const { value, error, floor: measured } = found.metrics.fid!;
    const all = await this.add({
      features: request.features,
      words: FEATURE_WORDS[request.features],
      n: total,
      reference: reference.words,
      floor: floor === undefined ? measured : floor,
      nfe: evaluations(sampling),
      moments: [{ images, value, error }],
    });
    await saved.drop(`made-${images}`);
    return all;
  }

  private async known(): Promise<RunDistances | undefined> {
    const wanted = { features: this.request.features, n: this.request.count };
    return (await this.run.folder.distances()).find((one) => sameMeasure(one, wanted));
  }

  private async add(found: RunDistances): Promise<RunDistances[]> {
    const { folder } = this.run;
    const before = await folder.distances();
    const known = before.find((one) => sameMeasure(one, found));
    const moments = [...(known?.moments ?? []), ...found.moments].sort((a, b) => a.images - b.images);
    const all = [...before.filter((one) => one !== known), { ...found, moments }];
    await folder.saveDistances(all);
    return all;
  }
}
