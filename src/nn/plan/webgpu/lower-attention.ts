import { contraction } from '../../../gpu/kernels/contraction';
import { gridOf, PLAIN } from '../../../gpu/kernels/contraction-call';
import { linearGrid } from '../../../gpu/kernels/grid';
import { softmax } from '../../../gpu/kernels/softmax';
import { inFloat32, type Tile } from '../../../gpu/traits';
import { InnateError } from '../../../lib/errors';
import { type AttentionStep, storedChannels } from '../steps';
import type { Operand } from './dispatch';
import type { Lowering } from './lowering';

/** Attention of some images of a batch. */
interface Part {
  step: AttentionStep;
  pixels: number;
  /** Channels of all heads, and of one. */
  channels: number;
  width: number;
  /** From one row of scores to the next. */
  stride: number;
  /** The first image, and how many there are. */
  from: number;
  images: number;
  /** [images, heads, pixels, stride]. */
  scores: Operand;
}

/**
 * softmax(q k' / sqrt(width)) v for each image and head: scores, softmax, mixture. Scores of as many images at a
 * time as a binding holds. `qkv` is stored q, k, v one after the other. Scores are float32 on every tile: softmax
 * turns their absolute error into a relative one. The mixture, whose weights sum to one, may be in float16.
 */
export function lowerAttention(context: Lowering, step: AttentionStep): void {
  const { qkv, heads, out } = step;
  const { batch } = context;
  const pixels = qkv.height * qkv.width;
  const { channels } = out;
  const width = channels / heads;
  if (width % 4 !== 0)
    throw new InnateError('unsupported', 'this network cannot be planned', {
      expected: 'attention heads in multiples of 4 channels',
      found: `${width} channels a head`,
    });
  const stride = storedChannels(pixels);
  const most = Math.floor(context.options.maxBinding / (4 * heads * pixels * stride));
  const together = Math.max(1, Math.min(batch, most));
  for (let from = 0; from < batch; from += together) {
    const images = Math.min(together, batch - from);
    const scores = { scratch: context.temporary(images * heads * pixels * stride) };
    const part: Part = { step, pixels, channels, width, stride, from, images, scores };
    emitScores(context, part);
    emitSoftmax(context, part);
    emitMixture(context, part);
  }
}

/** q k' / sqrt(width). */
function emitScores(context: Lowering, part: Part): void {
  const { step, pixels, channels, width, stride, from, images, scores } = part;
  const { heads } = step;
  const product = matrix('transposed', inFloat32(context.tile));
  const { unit } = product;
  const base = (from * pixels * 3 * channels) / unit;
  const qkv = context.operand(step.qkv);
  context.emit({
    kernel: product.kernel,
    operands: [qkv, qkv, 'nothing', 'nothing', scores],
    uniforms: {
      ...PLAIN,
      ...NO_EPILOGUE,
      scaleF: 1 / Math.sqrt(width),
      rows: pixels,
      columns: unit === 1 ? pixels : stride / 4,
      depth: width / unit,
      depth1: width / unit,
      taps: 1,
      heads,
      aBase: base,
      aStride: (3 * channels) / unit,
      aImage: (pixels * 3 * channels) / unit,
      aHead: width / unit,
      bBase: base + channels / unit,
      bStride: 1,
      bColumn: (3 * channels) / unit,
      bImage: (pixels * 3 * channels) / unit,
      bHead: width / unit,
      oStride: stride / unit,
      oImage: (heads * pixels * stride) / unit,
      oHead: (pixels * stride) / unit,
    },
    grid: gridOf(product, pixels, stride, images * heads),
    step,
    flops: 2 * images * heads * pixels * pixels * width,
  });
}

/** Emits the softmax of each row of scores, in its place. */
function emitSoftmax(context: Lowering, { step, pixels, stride, images, scores }: Part): void {
  const { reducers, subgroupReduce } = context.options.traits;
  const rows = images * step.heads * pixels;
  context.emit({
    kernel: softmax(reducers, subgroupReduce),
    operands: [scores],
    uniforms: { columns: pixels, stride, rows },
    grid: linearGrid(rows),
    step,
    flops: 6 * rows * pixels,
  });
}

/** The values v, weighted by the scores. */
function emitMixture(context: Lowering, part: Part): void {
  const { step, pixels, channels, width, stride, from, images, scores } = part;
  const { heads } = step;
  const product = matrix('f32', context.tile);
  const { unit } = product;
  context.emit({
    kernel: product.kernel,
    operands: [scores, context.operand(step.qkv), 'nothing', 'nothing', context.operand(step.out)],
    uniforms: {
      ...PLAIN,
      ...NO_EPILOGUE,
      scaleF: 1,
      rows: pixels,
      columns: width / unit,
      depth: unit === 1 ? pixels : stride / 4,
      depth1: unit === 1 ? pixels : stride / 4,
      taps: 1,
      heads,
      aStride: stride / unit,
      aImage: (heads * pixels * stride) / unit,
      aHead: (pixels * stride) / unit,
      bBase: ((3 * from * pixels + 2) * channels) / unit,
      bStride: (3 * channels) / unit,
      bImage: (pixels * 3 * channels) / unit,
      bHead: width / unit,
      oBase: (from * pixels * channels) / unit,
      oStride: channels / unit,
      oImage: (pixels * channels) / unit,
      oHead: width / unit,
    },
    grid: gridOf(product, pixels, width, images * heads),
    step,
    flops: 2 * images * heads * pixels * pixels * width,
  });
}

const NO_EPILOGUE = { vectorOffset: 0, vectorStride: 0, hasVector: 0, hasResidual: 0 };

const matrix = (weights: 'f32' | 'transposed', tile: Tile) =>
  contraction({ mode: 'matrix', tile, weights, sources: 1, prologue: null, narrow: false });
