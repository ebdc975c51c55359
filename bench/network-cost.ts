import type { NetworkConfig } from '../src/nn/config';
import { dhariwalUNet } from '../src/nn/dhariwal-unet';
import type { Ops } from '../src/nn/ops';
import { parameterCount, parameterSpecs } from '../src/nn/parameters';
import { songUNet } from '../src/nn/song-unet';

export interface NetworkCost {
  parameters: number;
  /** Two per multiply-add of convolutions, linear layers, attention and resampling, computed directly. */
  flops: number;
  /**
   * The least that has to move in float32: each weight once, and each activation once out and once in, where
   * an activation is the result of a convolution, linear layer, attention or resampling; everything between
   * (norms, SiLU, sums, joins) can be part of what reads or writes it.
   */
  leastBytes: number;
}

type Shape = readonly number[];

/** Walks a network with shapes only. */
class CostOps implements Ops<Shape> {
  flops = 0;
  /** Elements written by operations that cannot be part of another. */
  activations = 0;

  constructor(private readonly shapes: ReadonlyMap<string, Shape>) {}

  scope(module: () => Shape): Shape {
    return module();
  }
  conv2d(x: Shape, name: string, { pad }: { pad: number }): Shape {
    const [out, input, kernel] = this.shapes.get(`${name}.weight`) as [number, number, number];
    const [n, h, w] = x as [number, number, number];
    const grow = 2 * pad - kernel + 1;
    return this.made([n, h + grow, w + grow, out], input * kernel * kernel);
  }
  downsample(x: Shape, taps: readonly number[], pad: number): Shape {
    const [n, h, w, c] = x as [number, number, number, number];
    const half = (size: number) => Math.floor((size + 2 * pad - taps.length) / 2) + 1;
    return this.made([n, half(h), half(w), c], taps.length ** 2);
  }
  upsample(x: Shape, taps: readonly number[]): Shape {
    const [n, h, w, c] = x as [number, number, number, number];
    return this.made([n, 2 * h, 2 * w, c], (taps.length / 2) ** 2);
  }
  linear(v: Shape, name: string): Shape {
    const [out, input] = this.shapes.get(`${name}.weight`) as [number, number];
    return this.made([v[0]!, out], input);
  }
  attention(qkv: Shape): Shape {
    const [n, h, w, c3] = qkv as [number, number, number, number];
    // Scores and their product with v; heads share the channels among them.
    return this.made([n, h, w, c3 / 3], 2 * h * w);
  }
  concat(a: Shape, b: Shape): Shape {
    return [...a.slice(0, -1), a.at(-1)! + b.at(-1)!];
  }
  addBias = (x: Shape): Shape => x;
  groupNorm = (x: Shape): Shape => x;
  silu = (x: Shape): Shape => x;
  add = (a: Shape): Shape => a;
  scale = (x: Shape): Shape => x;
  addVector = (x: Shape): Shape => x;
  modulate = (x: Shape): Shape => x;

  private made(shape: Shape, macsPerElement: number): Shape {
    const elements = shape.reduce((a, b) => a * b, 1);
    this.flops += 2 * elements * macsPerElement;
    this.activations += elements;
    return shape;
  }
}

/** What one forward pass of a batch costs at least, whoever runs it. */
export function networkCost({ unet }: NetworkConfig, batch: number): NetworkCost {
  const ops = new CostOps(new Map(parameterSpecs(unet).map((s) => [s.name, s.shape])));
  const x = [batch, unet.imgResolution, unet.imgResolution, unet.inChannels];
  const noise = [batch, unet.modelChannels * unet.channelMultNoise];
  const labels = unet.labelDim ? [batch, unet.labelDim] : null;
  const net = unet.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const out = net<Shape>(ops, unet, x, { noise, labels });
  const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
  const parameters = parameterCount(unet);
  const elements = parameters + size(x) + size(noise) + 2 * ops.activations - size(out);
  return { parameters, flops: ops.flops, leastBytes: 4 * elements };
}
