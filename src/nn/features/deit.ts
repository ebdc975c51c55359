import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../../lib/errors';
import { bilinearMatrix } from '../resampling';
import type { WeightSource } from '../weights';
import { FrozenLayers, imageNetNormalise, nominalSizes } from './frozen';

const PATCH = 16;
/** Class token and distillation token stand before the patches. */
const TOKENS = 2;
const HEAD_WIDTH = 64;
/** timm's; torch's own default is 1e-5. */
const EPS = 1e-6;

/** Draws the adapters' frozen random weights: uniform in [0, 1). */
export interface AdapterRandom {
  uniforms(count: number): Float32Array;
}

/**
 * A distilled vision transformer (Touvron et al. 2021, DeiT-B) from timm's state dict, as the published discriminator
 * sees through it: the patches' tokens after each third of the blocks, each through frozen random convolutions to a
 * map of stride 4, 8, 16 and 32. Width and depth are those of the weights; heads are 64 wide.
 */
export class DistilledDeiT {
  readonly channels: number[];
  private readonly layers: FrozenLayers;
  private readonly width: number;
  private readonly depth: number;
  private readonly adapters: Adapter[];

  constructor(
    private readonly source: WeightSource,
    random: AdapterRandom,
    /** Height and width to which images are enlarged first; 224 in the paper. */
    readonly size = 224,
  ) {
    if (size % PATCH !== 0)
      throw new InnateError('bad-argument', 'a vision transformer cuts its images into patches', {
        expected: `a feature size that ${PATCH} divides`,
        found: String(size),
      });
    this.layers = new FrozenLayers(source);
    this.width = source.shape('pos_embed')![2]!;
    let depth = 0;
    while (source.shape(`blocks.${depth}.attn.qkv.weight`)) depth++;
    this.depth = depth;
    this.channels = [8, 4, 2, 1].map((part) => this.width / part);
    this.adapters = this.channels.map((c, i) => adapterOf(i, this.width, c, random));
  }

  sizes(): number[] {
    const grid = this.size / PATCH;
    return [4 * grid, 2 * grid, grid, Math.ceil(grid / 2)];
  }

  nominalSizes(): number[] {
    return nominalSizes(this.size);
  }

  /** The four maps of x [N, R, R, 1 or 3] in [-1, 1]. Call inside tf.tidy. */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    const n = x.shape[0];
    const grid = this.size / PATCH;
    let h = this.embed(x, grid);
    const maps: tf.Tensor4D[] = [];
    for (let i = 0; i < this.depth; i++) {
      h = this.block(h, `blocks.${i}`);
      if ((i + 1) % (this.depth / 4) !== 0) continue;
      const patches = tf.slice(h, [0, TOKENS, 0], [n, grid * grid, this.width]);
      const map = tf.reshape(patches, [n, grid, grid, this.width]) as tf.Tensor4D;
      maps.push(adapt(this.adapters[maps.length]!, map));
    }
    return maps;
  }

  dispose(): void {
    this.layers.dispose();
    for (const { mix, mixBias, move } of this.adapters)
      tf.dispose([mix, mixBias, move ? [move.weight, move.bias] : []]);
  }

  /** Tokens [N, 2 + patches, width] with their positions. */
  private embed(x: tf.Tensor4D, grid: number): tf.Tensor3D {
    const { layers, width } = this;
    const n = x.shape[0];
    const image = layers.resize(imageNetNormalise(layers, x), this.size);
    // A convolution whose stride is its kernel is a product over cut-out patches.
    const cut = tf.transpose(tf.reshape(image, [n * grid, PATCH, grid, PATCH * 3]), [0, 2, 1, 3]);
    const filter = tf.reshape(layers.parameter('patch_embed.proj.weight'), [PATCH * PATCH * 3, width]);
    const products = tf.matMul(tf.reshape(cut, [n * grid * grid, PATCH * PATCH * 3]), filter);
    const patches = tf.reshape(tf.add(products, layers.parameter('patch_embed.proj.bias')), [
      n,
      grid * grid,
      width,
    ]);
    const first = ['cls_token', 'dist_token'].map((name) => tf.tile(layers.parameter(name), [n, 1, 1]));
    return tf.add(tf.concat([...first, patches], 1), this.positions(grid)) as tf.Tensor3D;
  }

  /** The stored positions [1, 2 + patches, width]; those of the patches are resized bilinearly to another grid. */
  private positions(grid: number): tf.Tensor {
    return this.layers.constant(`positions ${grid}`, () => {
      const values = resizedPositions(this.source.read('pos_embed'), this.width, grid);
      return tf.tensor(values, [1, TOKENS + grid * grid, this.width]);
    });
  }

  private block(x: tf.Tensor3D, name: string): tf.Tensor3D {
    return tf.tidy(() => {
      const mixed = tf.add(x, this.attention(this.layerNorm(x, `${name}.norm1`), `${name}.attn`));
      const inner = gelu(this.linear(this.layerNorm(mixed, `${name}.norm2`), `${name}.mlp.fc1`));
      return tf.add(mixed, this.linear(inner, `${name}.mlp.fc2`)) as tf.Tensor3D;
    });
  }

  /** Self-attention; the rows of qkv are [q|k|v, head, channel]. */
  private attention(x: tf.Tensor, name: string): tf.Tensor {
    const [n, tokens] = x.shape as [number, number];
    const heads = this.width / HEAD_WIDTH;
    const qkv = tf.reshape(this.linear(x, `${name}.qkv`), [n, tokens, 3, heads, HEAD_WIDTH]);
    const [q, k, v] = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]), 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const weights = tf.softmax(tf.matMul(tf.mul(q, 1 / Math.sqrt(HEAD_WIDTH)), k, false, true));
    const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]), [n, tokens, this.width]);
    return this.linear(mixed, `${name}.proj`);
  }

  private linear(x: tf.Tensor, name: string): tf.Tensor {
    const [n, tokens, inner] = x.shape as [number, number, number];
    const weight = this.layers.parameter(`${name}.weight`);
    const y = tf.matMul(tf.reshape(x, [n * tokens, inner]), weight, false, true);
    return tf.reshape(tf.add(y, this.layers.parameter(`${name}.bias`)), [n, tokens, weight.shape[0]!]);
  }

  private layerNorm(x: tf.Tensor, name: string): tf.Tensor {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), EPS));
    const scaled = tf.mul(tf.mul(centred, inverse), this.layers.parameter(`${name}.weight`));
    return tf.add(scaled, this.layers.parameter(`${name}.bias`));
  }
}

/** Rows of `width` values: two tokens, then a square of patches, which becomes one of `grid` by bilinear interpolation. */
function resizedPositions(values: Float32Array, width: number, grid: number): Float32Array {
  const stored = Math.round(Math.sqrt(values.length / width - TOKENS));
  if (stored === grid) return values;
  const axis = bilinearMatrix(stored, grid, false).values;
  const out = new Float32Array((TOKENS + grid * grid) * width);
  out.set(values.subarray(0, TOKENS * width));
  for (let place = 0; place < grid * grid; place++)
    for (let from = 0; from < stored * stored; from++) {
      const share =
        axis[Math.floor(place / grid) * stored + Math.floor(from / stored)]! *
        axis[(place % grid) * stored + (from % stored)]!;
      if (share === 0) continue;
      for (let c = 0; c < width; c++)
        out[(TOKENS + place) * width + c]! += share * values[(TOKENS + from) * width + c]!;
    }
  return out;
}

/** x Phi(x), exactly. */
const gelu = (x: tf.Tensor): tf.Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** 1x1 to fewer channels, then a change of resolution. */
interface Adapter {
  mix: tf.Tensor4D;
  mixBias: tf.Tensor1D;
  move: { weight: tf.Tensor; bias: tf.Tensor1D; enlarge: number } | null;
}

/** Convolutions as PyTorch initialises them: uniform in +-1 / sqrt(fan in), a transposed one's from its outputs. */
function adapterOf(index: number, width: number, channels: number, random: AdapterRandom): Adapter {
  const draw = (count: number, fanIn: number) =>
    random.uniforms(count).map((u) => (2 * u - 1) / Math.sqrt(fanIn));
  const mixBias = tf.keep(tf.tensor1d(draw(channels, width)));
  const mix = tf.keep(tf.tensor4d(draw(width * channels, width), [1, 1, width, channels]));
  const enlarge = [4, 2, 1, 0][index]!; // 0: halve
  if (enlarge === 1) return { mix, mixBias, move: null };
  const fanIn = channels * (enlarge || 3) ** 2;
  const bias = tf.keep(tf.tensor1d(draw(channels, fanIn)));
  const values = draw(channels * fanIn, fanIn);
  const weight = tf.keep(
    enlarge === 0
      ? tf.tensor4d(values, [3, 3, channels, channels])
      : tf.tensor2d(values, [channels, enlarge * enlarge * channels]),
  );
  return { mix, mixBias, move: { weight, bias, enlarge } };
}

function adapt({ mix, mixBias, move }: Adapter, x: tf.Tensor4D): tf.Tensor4D {
  const h = tf.add(tf.conv2d(x, mix, 1, 'valid'), mixBias) as tf.Tensor4D;
  if (!move) return h;
  const [n, rows, columns, c] = h.shape;
  if (move.enlarge === 0) {
    const padded = tf.pad(h, [[0, 0], [1, 1], [1, 1], [0, 0]]); // biome-ignore format: one axis an entry
    return tf.add(tf.conv2d(padded, move.weight as tf.Tensor4D, 2, 'valid'), move.bias) as tf.Tensor4D;
  }
  // A transposed convolution whose stride is its kernel writes a block of pixels for each.
  const k = move.enlarge;
  const blocks = tf.matMul(tf.reshape(h, [n * rows * columns, c]), move.weight as tf.Tensor2D);
  const spread = tf.transpose(tf.reshape(blocks, [n * rows, columns, k, k * c]), [0, 2, 1, 3]);
  return tf.add(tf.reshape(spread, [n, rows * k, columns * k, c]), move.bias) as tf.Tensor4D;
}
