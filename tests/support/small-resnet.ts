import type { WeightSource } from '../../src/nn/weights';
import { drawnWeights } from './drawn';

/** A ResNet-8 of drawn weights: the network of the distances, whose depth is read off its file, with one block a stage. */
export function smallResNet(): WeightSource {
  const shapes: Record<string, number[]> = { 'conv1.weight': [16, 3, 3, 3], 'conv1.bias': [16] };
  for (const [i, width] of [16, 32, 64].entries())
    for (const conv of [1, 2]) {
      const name = `layer${i + 1}.0.conv${conv}`;
      shapes[`${name}.weight`] = [width, conv === 1 && i > 0 ? width / 2 : width, 3, 3];
      shapes[`${name}.bias`] = [width];
    }
  return drawnWeights(shapes, 3);
}
