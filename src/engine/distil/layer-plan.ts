import { trainedBy } from '../../distil/freeze';
import { parameterSpecs } from '../../nn/parameters';
import type { DistilPlan, DistilRequest } from '../../protocol/distil';
import type { Model } from '../models/model';

/** Layers in order, with what the method trains of them. */
export function layerPlan(
  { config }: Pick<Model, 'config'>,
  method: DistilRequest['config']['method'],
): Pick<DistilPlan, 'layers' | 'parameters' | 'trainedParameters'> {
  const trains = trainedBy(method, config.unet);
  const layers = new Map<string, DistilPlan['layers'][number]>();
  for (const { name, shape, buffer, optional } of parameterSpecs(config.unet)) {
    if (buffer || optional) continue;
    const layer = name.replace(/^model\./, '').replace(/\.[^.]+$/, '');
    const count = shape.reduce((a, b) => a * b, 1);
    const known = layers.get(layer);
    if (known) known.parameters += count;
    else layers.set(layer, { name: layer, trains: trains(name), parameters: count });
  }
  const all = [...layers.values()];
  const sum = (of: typeof all) => of.reduce((n, l) => n + l.parameters, 0);
  return { layers: all, parameters: sum(all), trainedParameters: sum(all.filter((l) => l.trains)) };
}
