import * as tf from '@tensorflow/tfjs-core';
import type { Quantity, Row, Samples } from '../../lib/activations';
import { type BlockSpec, blockStyle, unetBlocks } from '../blocks';
import type { UNetConfig } from '../config';
import type { Observation, RecordTensor } from '../tf/observe';
import { radialPower } from './spectrum';
import { activeShare, attentionEntropy, meanAbsoluteDifference, rootMeanSquare } from './statistics';

/** A channel is active when its root mean square is above this share of its block's. */
export const ACTIVE_THRESHOLD = 0.5;

export interface BlockWatchOptions {
  rows: readonly Row[];
  quantities: readonly Quantity[];
  /** Samples of a pass whose spectra are taken: of what each block adds, and of the denoised image. 0 = none. */
  spectra: number;
}

/**
 * Reduces what a forward pass shows to the quantities of each row. One for a sweep over noise levels: the mean
 * absolute change is against the level observed before. Holds those outputs on the back-end until disposed of.
 */
export class BlockWatch {
  private readonly rowIndex: ReadonlyMap<string, number>;
  private readonly blocks: ReadonlyMap<string, BlockSpec>;
  private readonly wanted: ReadonlySet<Quantity>;
  private readonly skipScale: number;
  private readonly before = new Map<string, tf.Tensor>();
  /** The skip path's value in the block under way; null until it is made. */
  private skip: tf.Tensor | null = null;

  constructor(
    config: UNetConfig,
    private readonly options: BlockWatchOptions,
  ) {
    this.rowIndex = new Map(options.rows.map((row, i) => [row.name, i]));
    this.blocks = new Map(unetBlocks(config).map((b) => [b.name, b]));
    this.wanted = new Set(options.quantities);
    this.skipScale = blockStyle(config).skipScale;
  }

  /** What `observe` shows of the pass, value by value. */
  readonly see = (name: string, value: tf.Tensor, record: RecordTensor): void => {
    const block = this.blocks.get(name);
    const row = this.rowIndex.get(name);
    if (row !== undefined) this.measure(row, value, record);
    if (!block) {
      this.seePart(name, value, record);
      return;
    }
    if (row === undefined) return;
    if (this.wanted.has('change')) this.compareWithBefore(name, row, value, record);
    const contribution = this.wanted.has('residual') || this.options.spectra > 0;
    if (contribution) tf.tidy(() => this.measureContribution(block, row, value, record));
    this.skip = null;
  };

  /** The numbers of `n` samples at one level. */
  samples({ values }: Observation, level: number, n: number): Samples {
    const { rows, quantities, spectra } = this.options;
    const out: Samples = { level, count: n, values: {} };
    for (const quantity of quantities) {
      const numbers = new Float32Array(rows.length * n).fill(Number.NaN);
      rows.forEach((_, row) => {
        const measured = values.get(`${quantity} ${row}`);
        if (measured) numbers.set(measured, row * n);
      });
      out.values[quantity] = numbers;
    }
    if (spectra > 0) {
      out.spectraCount = Math.min(n, spectra);
      out.spectra = rows.map((_, row) => values.get(`spectrum ${row}`)?.slice() ?? new Float32Array());
    }
    return out;
  }

  dispose(): void {
    tf.dispose([...this.before.values()]);
    this.before.clear();
  }

  private measure(row: number, value: tf.Tensor, record: RecordTensor): void {
    tf.tidy(() => {
      if (this.wanted.has('rms')) record(`rms ${row}`, rootMeanSquare(value));
      if (this.wanted.has('active')) record(`active ${row}`, activeShare(value, ACTIVE_THRESHOLD));
    });
  }

  private seePart(name: string, value: tf.Tensor, record: RecordTensor): void {
    const dot = name.lastIndexOf('.');
    const part = name.slice(dot + 1);
    if (part === 'skip') this.skip = value;
    if (part !== 'qkv' || !this.wanted.has('entropy')) return;
    const block = this.blocks.get(name.slice(0, dot));
    const row = this.rowIndex.get(name.slice(0, dot));
    if (block?.kind === 'block' && row !== undefined)
      tf.tidy(() => record(`entropy ${row}`, attentionEntropy(value, block.heads)));
  }

  private compareWithBefore(name: string, row: number, value: tf.Tensor, record: RecordTensor): void {
    const before = this.before.get(name);
    if (before) tf.tidy(() => record(`change ${row}`, meanAbsoluteDifference(value, before)));
    before?.dispose();
    this.before.set(name, tf.keep(tf.clone(value)));
  }

  /** What a block adds to its skip path, attention included; a convolution outside the blocks adds all it gives. */
  private measureContribution(block: BlockSpec, row: number, value: tf.Tensor, record: RecordTensor): void {
    let added = value;
    if (block.kind === 'block' && this.skip) {
      const passed = tf.mul(this.skip, block.heads ? this.skipScale ** 2 : this.skipScale);
      added = tf.sub(value, passed);
      if (this.wanted.has('residual'))
        record(`residual ${row}`, tf.div(rootMeanSquare(added), rootMeanSquare(passed)));
    }
    const { spectra } = this.options;
    if (spectra === 0) return;
    const some = spectra < added.shape[0]! ? tf.slice(added, 0, spectra) : added;
    record(`spectrum ${row}`, tf.sum(radialPower(some), 0));
  }
}

/** Radial power of images [N, C, R, R] flat, summed over the N. */
export async function imagePower(
  images: Float32Array,
  channels: number,
  resolution: number,
): Promise<Float32Array> {
  const n = images.length / (channels * resolution ** 2);
  const power = tf.tidy(() => {
    const planes = tf.tensor4d(images, [n * channels, resolution, resolution, 1]);
    return tf.mul(tf.sum(radialPower(planes), 0), 1 / channels);
  });
  try {
    return (await power.data()) as Float32Array;
  } finally {
    power.dispose();
  }
}
