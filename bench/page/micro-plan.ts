import type { GpuContext } from '../../src/gpu/context';
import type { WeightPrecision } from '../../src/lib/backends';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps, type Node } from '../../src/nn/plan/graph';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import type { WeightSource } from '../../src/nn/weights';
import type { MicroCase } from './micro';

/** The project's kernels in a few shapes of the networks; a new kernel or shape is one more line below. */
export async function planCases(context: GpuContext): Promise<MicroCase[]> {
  const cases: Layer[] = [];
  for (const precision of ['f32', 'f16'] as const)
    for (const [size, channels] of [
      [32, 64],
      [32, 128],
      [16, 256],
      [8, 256],
    ] as const) {
      cases.push(convolution(3, size, channels, precision, false));
      if (context.traits.winograd) cases.push(convolution(3, size, channels, precision, true));
    }
  cases.push(convolution(1, 32, 256, 'f32', false), convolution(1, 32, 256, 'f16', false));
  cases.push(attention(16, 256, 1), attention(32, 192, 3), resampling(32, 128), normalisation(32, 128));
  return Promise.all(cases.map((layer) => planned(context, layer)));
}

/** One layer of a network that gives back a map of the shape it takes. */
interface Layer {
  family: string;
  size: number;
  channels: number;
  precision: WeightPrecision;
  weights: Record<string, readonly number[]>;
  apply(ops: GraphOps, x: Node): Node;
  /** Of one layer, evaluated directly. */
  flops: number;
}

function convolution(
  kernel: 1 | 3,
  size: number,
  channels: number,
  precision: WeightPrecision,
  winograd: boolean,
): Layer {
  const shape = [channels, channels, kernel, kernel];
  // Winograd's larger weights are allowed beside enough others: these are never read.
  const others: Record<string, readonly number[]> = winograd ? { 'others.weight': [2, ...shape] } : {};
  return {
    family: kernel === 1 ? 'convolution 1x1' : `convolution 3x3, ${winograd ? 'Winograd' : 'direct'}`,
    size,
    channels,
    precision,
    weights: { 'a.weight': shape, 'a.bias': [channels], ...others },
    apply: (ops, x) => ops.conv2d(x, 'a', { pad: kernel >> 1 }),
    flops: 2 * (size * channels * kernel) ** 2,
  };
}

/** With the projection to queries, keys and values, which its kernels read in their own order. */
function attention(size: number, channels: number, heads: number): Layer {
  return {
    family: `attention with qkv, heads ${heads}`,
    size,
    channels,
    precision: 'f32',
    weights: { 'a.weight': [3 * channels, channels, 1, 1], 'a.bias': [3 * channels] },
    apply: (ops, x) => ops.attention(ops.conv2d(x, 'a', { pad: 0 }), heads),
    flops: 2 * size ** 2 * channels * (3 * channels + 2 * size ** 2),
  };
}

function resampling(size: number, channels: number): Layer {
  const taps = [1, 3, 3, 1];
  return {
    family: 'resampling, down and up',
    size,
    channels,
    precision: 'f32',
    weights: {},
    apply: (ops, x) => ops.upsample(ops.downsample(x, taps, 1), taps),
    flops: 2 * channels * size ** 2 * (taps.length ** 2 / 4) * 2,
  };
}

/** Statistics, and one pass that applies them: the sum keeps it from becoming part of a convolution. */
function normalisation(size: number, channels: number): Layer {
  return {
    family: 'group norm, SiLU and sum',
    size,
    channels,
    precision: 'f32',
    weights: { 'n.weight': [channels], 'n.bias': [channels] },
    apply: (ops, x) => {
      const normed = ops.groupNorm(x, 'n', { groups: Math.min(32, channels / 4), eps: 1e-5 });
      return ops.add(ops.silu(normed), x);
    },
    // Mean 1, variance 3, affine 2, SiLU 4, sum 1.
    flops: 11 * channels * size ** 2,
  };
}

/** So many layers in a row that the run's own upload and readback do not count. */
const REPEATED = 16;

async function planned(context: GpuContext, layer: Layer): Promise<MicroCase> {
  const { family, size, channels, precision, weights, apply, flops } = layer;
  const source = constantScale(weights);
  const ops = new GraphOps((name) => weights[name]);
  let x = ops.input('image', { height: size, width: size, channels });
  for (let i = 0; i < REPEATED; i++) x = apply(ops, x);
  const plan = fuse(new Map([['F', x]]));
  const network = await openWebGpu(context, precision)(plan, source);
  const executor = await network.prepare(plan, 1);
  executor.splitting = false;
  const inputs = new Map([['image', wave(size * size * channels)]]);
  return {
    family,
    case: `${size}x${size}, ${channels}${precision === 'f16' ? ', packed half' : ''}`,
    flops,
    calls: REPEATED,
    run: async () => {
      await executor.run(inputs);
    },
    done: () => context.device.queue.onSubmittedWorkDone(),
  };
}

/** Values of about unit size that keep activations at that size from layer to layer. */
function constantScale(weights: Record<string, readonly number[]>): WeightSource {
  return {
    names: () => Object.keys(weights),
    shape: (name) => weights[name],
    read: (name) => {
      const shape = weights[name]!;
      const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
      return wave(shape.reduce((a, b) => a * b, 1)).map((v) => v * Math.sqrt(2 / fanIn));
    },
  };
}

const wave = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
