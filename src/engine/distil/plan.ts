import type { Dataset } from '../../data';
import { type DistilConfig, partSize } from '../../distil/config';
import { freezeFacts, trainedBy } from '../../distil/freeze';
import { layersOf } from '../../nn/parameters';
import type { DistilPlan } from '../../protocol/distil';
import { MEASURE_NAME } from '../measure/frechet';
import type { Model } from '../models/model';

type Layers = Pick<DistilPlan, 'layers' | 'parameters' | 'trainedParameters'>;

/** Layers in order, with what the method trains of them. */
function layerPlan({ unet }: Model['config'], config: DistilConfig): Layers {
  const trains = trainedBy(config, unet);
  const layers = layersOf(unet).map(({ name, parameters }) => ({
    name,
    trains: parameters.some((parameter) => trains(parameter.name)),
    parameters: parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  }));
  const { parameters, trained } = freezeFacts(config, unet);
  return { layers, parameters, trainedParameters: trained };
}

/** What a run is about to do; `known`: the plan so far, whose distances of real images and of the teacher stay. */
export function planOf(
  teacher: Pick<Model, 'config'>,
  data: Pick<Dataset, 'size' | 'name'>,
  config: DistilConfig,
  known: DistilPlan | null,
): DistilPlan {
  const { floor = null, teacherOneStep = null, reference = null } = known ?? {};
  return {
    ...layerPlan(teacher.config, config),
    dataImages: data.size,
    dataName: data.name,
    floor,
    teacherOneStep,
    features: MEASURE_NAME,
    reference,
    microBatch: partSize(config) < config.batch ? partSize(config) : null,
  };
}
