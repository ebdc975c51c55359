import { InnateError } from '../../lib/errors';
import type { TokenOps } from '../ops';
import { bilinearMatrix } from '../resampling';
import type { WeightSource } from '../weights';
import { FrozenMaps } from './frozen-pyramid';
import { imageNetNormalisation, type MadeTensor, withTensors } from './made-weights';

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

/** How often a map is enlarged for strides 4, 8, 16 and 32; the last one is halved. */
const ENLARGED = [4, 2, 1, null] as const;

/**
 * A distilled vision transformer (Touvron et al. 2021, DeiT-B) from timm's state dict, as the published discriminator
 * sees through it: the patches' tokens after each third of the blocks, each through frozen random convolutions to a
 * map of stride 4, 8, 16 and 32. Width and depth are those of the weights; heads are 64 wide.
 */
export class DistilledDeiT extends FrozenMaps {
  readonly channels: readonly number[];
  private readonly width: number;
  private readonly depth: number;

  /** `size`: height and width to which images are enlarged first; 224 in the paper. */
  constructor(source: WeightSource, random: AdapterRandom, size = 224) {
    if (size % PATCH !== 0)
      throw new InnateError('bad-argument', 'a vision transformer cuts its images into patches', {
        expected: `a feature size that ${PATCH} divides`,
        found: String(size),
      });
    const width = source.shape('pos_embed')![2]!;
    const channels = [8, 4, 2, 1].map((part) => width / part);
    const made = new Map([
      ...imageNetNormalisation('normalise'),
      ...channels.flatMap((c, i) => adapterOf(i, width, c, random)),
    ]);
    super(withTensors(asTokens(source, width, size / PATCH), made), size);
    this.width = width;
    this.channels = channels;
    let depth = 0;
    while (source.shape(`blocks.${depth}.attn.qkv.weight`)) depth++;
    this.depth = depth;
  }

  sizes(): number[] {
    const grid = this.size / PATCH;
    return [4 * grid, 2 * grid, grid, Math.ceil(grid / 2)];
  }

  protected mapsOn<T>(ops: TokenOps<T>, x: T): T[] {
    const image = ops.resize(ops.conv(ops.toRgb(x), 'normalise'), this.size);
    const patches = ops.conv(image, 'patch_embed.proj', { stride: PATCH, padding: 'none' });
    let h = ops.tokens(patches, 'positions', TOKENS);
    const maps: T[] = [];
    for (let i = 0; i < this.depth; i++) {
      h = this.block(ops, h, `blocks.${i}`);
      if ((i + 1) % (this.depth / 4) !== 0) continue;
      const map = ops.conv(ops.square(h, TOKENS), `adapters.${maps.length}.mix`);
      maps.push(moved(ops, map, `adapters.${maps.length}.move`, ENLARGED[maps.length]!));
    }
    return maps;
  }

  /** Norms are without scale and shift, which the layers behind them have in their weights. */
  private block<T>(ops: TokenOps<T>, x: T, name: string): T {
    const normed = (v: T) => ops.normalised(v, EPS * this.width);
    const qkv = ops.conv(normed(x), `${name}.attn.qkv`);
    const attended = ops.conv(ops.attention(qkv, this.width / HEAD_WIDTH), `${name}.attn.proj`);
    const mixed = ops.add(attended, x);
    const inner = ops.gelu(ops.conv(normed(mixed), `${name}.mlp.fc1`));
    return ops.add(ops.conv(inner, `${name}.mlp.fc2`), mixed);
  }
}

/** A change of resolution: a transposed convolution whose stride is its kernel, none, or a convolution of stride 2. */
function moved<T>(ops: TokenOps<T>, x: T, name: string, enlarged: (typeof ENLARGED)[number]): T {
  if (enlarged === 1) return x;
  return enlarged ? ops.enlarged(x, name) : ops.conv(x, name, { stride: 2, padding: 'symmetric' });
}

/**
 * The weights as the network here reads them: linear layers as 1x1 convolutions, with scale and shift of the norm before them and the
 * root of the width, by which a norm of length 1 falls short; q, k and v interleaved, channel by channel of each head;
 * `positions.weight` [tokens, width], resized to a square of `grid`, with the tokens that stand before the patches.
 */
function asTokens(source: WeightSource, width: number, grid: number): WeightSource {
  const isLinear = (name: string) => /^blocks\.\d+\.(attn\.(qkv|proj)|mlp\.fc[12])\.weight$/.test(name);
  return {
    names: () => source.names(),
    shape(name) {
      if (name === 'positions.weight') return [TOKENS + grid * grid, width];
      const shape = source.shape(name);
      return shape && isLinear(name) ? [...shape, 1, 1] : shape;
    },
    read(name) {
      if (name === 'positions.weight') return positions(source, width, grid);
      const [, block = '', layer = '', what] =
        /^(blocks\.\d+)\.(attn\.qkv|mlp\.fc1)\.(weight|bias)$/.exec(name) ?? [];
      const values = source.read(name);
      if (!what) return values;
      const norm = `${block}.${layer === 'attn.qkv' ? 'norm1' : 'norm2'}`;
      const folded =
        what === 'weight'
          ? scaledColumns(values, source.read(`${norm}.weight`), Math.sqrt(width))
          : plusProducts(values, source.read(`${block}.${layer}.weight`), source.read(`${norm}.bias`));
      return layer === 'attn.qkv' ? interleaved(folded, width) : folded;
    },
  };
}

const scaledColumns = (matrix: Float32Array, columns: Float32Array, factor: number): Float32Array =>
  matrix.map((v, i) => v * columns[i % columns.length]! * factor);

/** vector + matrix v, row-major. */
const plusProducts = (vector: Float32Array, matrix: Float32Array, v: Float32Array): Float32Array =>
  vector.map((value, row) => {
    let sum = value;
    for (const [c, factor] of v.entries()) sum += matrix[row * v.length + c]! * factor;
    return sum;
  });

/** Rows [q|k|v, head, channel] as [head, channel, q|k|v]. */
function interleaved(rows: Float32Array, width: number): Float32Array {
  const length = rows.length / (3 * width);
  return rows.map((_, i) => {
    const row = Math.floor(i / length);
    return rows[((row % 3) * width + Math.floor(row / 3)) * length + (i % length)]!;
  });
}

/** The stored positions, rows of `width`, those of the patches resized bilinearly to another square; the tokens' values are added. */
function positions(source: WeightSource, width: number, grid: number): Float32Array {
  const out = resizedPositions(source.read('pos_embed'), width, grid);
  for (const [token, name] of ['cls_token', 'dist_token'].entries())
    for (const [c, value] of source.read(name).entries()) out[token * width + c]! += value;
  return out;
}

/** Rows of `width` values: two tokens, then a square of patches, which becomes one of `grid` by bilinear interpolation. */
function resizedPositions(values: Float32Array, width: number, grid: number): Float32Array {
  const stored = Math.round(Math.sqrt(values.length / width - TOKENS));
  if (stored === grid) return values.slice();
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

/**
 * 1x1 to fewer channels, then a change of resolution. Convolutions as PyTorch initialises them: uniform in +-1 / sqrt(fan in), a
 * transposed one's from its outputs.
 */
function adapterOf(
  index: number,
  width: number,
  channels: number,
  random: AdapterRandom,
): [string, MadeTensor][] {
  const draw = (count: number, fanIn: number) =>
    random.uniforms(count).map((u) => (2 * u - 1) / Math.sqrt(fanIn));
  const name = `adapters.${index}`;
  const bias = draw(channels, width);
  const mix = draw(width * channels, width);
  const made: [string, MadeTensor][] = [
    [`${name}.mix.bias`, { shape: [channels], values: bias }],
    [`${name}.mix.weight`, { shape: [channels, width, 1, 1], values: published(mix, 1, width, channels) }],
  ];
  const enlarged = ENLARGED[index]!;
  if (enlarged === 1) return made;
  const kernel = enlarged ?? 3;
  const fanIn = channels * kernel ** 2;
  const moveBias = draw(channels, fanIn);
  const values = draw(channels * fanIn, fanIn);
  // A transposed convolution's is drawn [in, kernel, kernel, out]; the other way [kernel, kernel, in, out].
  const move = enlarged
    ? values.map((_, i) => {
        const [rest, tap] = [Math.floor(i / kernel ** 2), i % kernel ** 2];
        return values[(Math.floor(rest / channels) * kernel ** 2 + tap) * channels + (rest % channels)]!;
      })
    : published(values, kernel ** 2, channels, channels);
  made.push([`${name}.move.bias`, { shape: [channels], values: moveBias }]);
  made.push([`${name}.move.weight`, { shape: [channels, channels, kernel, kernel], values: move }]);
  return made;
}

/** [tap, in, out] as [out, in, tap]. */
const published = (values: Float32Array, taps: number, inputs: number, outputs: number): Float32Array =>
  values.map((_, i) => {
    const [tap, rest] = [i % taps, Math.floor(i / taps)];
    return values[(tap * inputs + (rest % inputs)) * outputs + Math.floor(rest / inputs)]!;
  });
