import type { PooledNetwork, PooledOps } from '../ops';
import type { WeightSource } from '../weights';
import { centred, imageNetNormalisation, withTensors } from './made-weights';

/** Height and width that the network sees. */
const SIZE = 32;

/**
 * A CIFAR ResNet with option A shortcuts (He et al. 2016), 64 features before its classifier: what Fréchet
 * distances are measured on where the Inception network cannot be had. Depth 6n + 2 is read off the weights.
 */
export class CifarResNet implements PooledNetwork {
  readonly dims = 64;
  readonly weights: WeightSource;
  private readonly perStage: number;

  constructor(source: WeightSource) {
    let n = 0;
    while (source.shape(`layer1.${n}.conv1.weight`)) n++;
    this.perStage = n;
    // Option A: every second pixel, with a quarter of the new width in zero channels on either side.
    const shortcuts = [2, 3].map((stage) => {
      const [out, inputs] = source.shape(`layer${stage}.0.conv1.weight`) as [number, number];
      return centred(`layer${stage}.0.shortcut`, inputs, out);
    });
    this.weights = withTensors(source, new Map([...shortcuts, ...imageNetNormalisation('normalise')]));
  }

  /** R = 32 or a multiple (averaged down). */
  measured<T>(ops: PooledOps<T>, x: T): { features: T } {
    const seen = ops.resize(ops.averagedDown(ops.toRgb(x), SIZE), SIZE);
    let h = ops.conv(ops.conv(seen, 'normalise'), 'conv1', { activation: 'relu', padding: 'symmetric' });
    for (const stage of [1, 2, 3])
      for (let i = 0; i < this.perStage; i++)
        h = ops.block(h, (from) => residual(ops, from, `layer${stage}.${i}`, stage > 1 && i === 0));
    return { features: ops.mean(h) };
  }
}

function residual<T>(ops: PooledOps<T>, x: T, name: string, halves: boolean): T {
  const stride = halves ? 2 : 1;
  const inner = ops.conv(x, `${name}.conv1`, { stride, activation: 'relu', padding: 'symmetric' });
  const out = ops.conv(inner, `${name}.conv2`, { padding: 'symmetric' });
  const shortcut = halves ? ops.conv(x, `${name}.shortcut`, { stride, padding: 'none', bias: false }) : x;
  return ops.relu(ops.add(out, shortcut));
}
