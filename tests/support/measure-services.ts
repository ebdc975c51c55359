import { recordedGraphs } from '../../cli/recorded-graphs';
import type { Dataset } from '../../src/data';
import type { MeasureServices } from '../../src/engine/measure/measuring';
import type { Model } from '../../src/engine/models/model';
import type { ActiveBackend } from '../../src/gpu/backends';
import type { InnateError } from '../../src/lib/errors';
import type { ImageDenoiser } from '../../src/nn/denoiser';
import { smallResNet } from './small-resnet';

export interface MeasuredPage {
  active: ActiveBackend;
  model: Model;
  denoiser(of: Model): ImageDenoiser;
  data: Dataset;
  /** Hears each opening of the real images. */
  opened?: (() => void) | undefined;
}

/** What the page's worker gives a measurement, without a page: a device that does not fail, and a small feature network. */
export const measureServices = ({ active, model, denoiser, data, opened }: MeasuredPage): MeasureServices =>
  ({
    model: async () => ({ model }),
    denoiser: async (of: Model) => denoiser(of),
    recordedSteps: () => recordedGraphs(active),
    epoch: () => 1,
    failure: () => new Promise(() => {}),
    recover: async (error: InnateError) => {
      throw error;
    },
    exclusively: <T>(task: () => Promise<T>) => task(),
    data: {
      open: async () => {
        opened?.();
        return data;
      },
      feature: async () => smallResNet(),
    },
  }) as unknown as MeasureServices;
