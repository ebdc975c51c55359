import { referenceImages } from '../../distil/schedule';
import type { ModelSampling } from '../../lib/sampling';
import type { FeatureWeights } from '../measure/feature-networks';
import { FrechetMeasure } from '../measure/frechet';
import { type MeasureNetwork, openMeasureNetwork } from '../measure/measure-networks';
import type { RunSources } from '../runs/sources';
import { measureModel } from './run';

/** What a student's distances are seen against: those of held-out real images, and of the teacher in the student's one or two steps. */
interface Levels {
  floor: number;
  teacherOneStep: number;
  reference: string;
}

/**
 * Distances to a run's real images. What real images give is found once, when the first distance is due; the feature
 * network is put on each device that the run comes to.
 */
export class RunDistances {
  private measure: FrechetMeasure | null = null;
  /** The device that holds the feature network; null = none does. */
  private epoch: number | null = null;

  constructor(
    private readonly sources: RunSources,
    private readonly count: number,
    /** How the student, and the teacher beside it, make images. */
    private readonly sampling: ModelSampling,
    private readonly features: FeatureWeights,
    private readonly onProgress: (done: number, total: number) => void,
  ) {}

  /** The measure on the device of that epoch; `onLevels` is told what it finds once for the whole run. */
  async on(epoch: number, onLevels: (levels: Levels) => void): Promise<FrechetMeasure> {
    if (this.measure && this.epoch === epoch) return this.measure;
    const net = await openMeasureNetwork({ features: 'resnet56', weights: this.features });
    try {
      this.measure = this.measure?.on(net) ?? (await this.first(net, onLevels));
    } catch (error) {
      net.dispose(); // nobody else has it
      throw error;
    }
    this.epoch = epoch;
    return this.measure;
  }

  private async first(net: MeasureNetwork, onLevels: (levels: Levels) => void): Promise<FrechetMeasure> {
    const { count } = this;
    const { data, teacher } = this.sources;
    const measure = await FrechetMeasure.against(net, data, count, referenceImages(count), this.onProgress);
    const oneStep = await measureModel(measure, teacher, teacher.weights, count, this.sampling);
    onLevels({
      floor: measure.floor.value,
      teacherOneStep: oneStep.value,
      reference: measure.reference,
    });
    return measure;
  }

  /** Frees the network, where that device is still there. */
  release(epoch: number): void {
    if (this.epoch === epoch) this.measure?.dispose();
    this.epoch = null;
  }
}
