import * as record from '../record';
import { type CallList, type MapAt, SCRATCH_VALUES } from './list';

/** Self-attention over pixels; `qkv` [N, H, W, 3C] has all q, then all k, then all v, each head's channels together. */

/** Float32 values that `attention` packs keys into. */
export const keyValues = ({ images, height, width, channels }: MapAt): number =>
  images * Math.ceil((height * width) / record.PANEL) * record.PANEL * channels;

/** Softmax(q k' / sqrt(C / heads)) v. `keys`: address of `keyValues(out)` values that the calls use. Two calls. */
export function attention(list: CallList, step: AttentionAt & { keys: number; out: MapAt }): void {
  const { qkv, heads, keys, out } = step;
  const { images } = out;
  const pixels = out.height * out.width;
  const stored = Math.ceil(pixels / record.PANEL) * record.PANEL;
  const fit = Math.max(4, Math.floor(SCRATCH_VALUES / stored));
  const rows = list.share(pixels, fit, 16, 4, images * heads);
  for (const [kernel, tasks] of [
    [record.ATTENTION_KEYS, images * heads],
    [record.ATTENTION, images * heads * Math.ceil(pixels / rows)],
  ] as const) {
    list.call(kernel, tasks);
    list.put(record.SOURCE0, qkv);
    list.put(record.KEYS, keys);
    list.put(record.HEADS, heads);
    list.put(record.OUT, out.at);
    list.put(record.OUT_CHANNELS, out.channels);
    list.put(record.OUT_WIDTH, pixels);
    list.float(record.SCALE, 1 / Math.sqrt(out.channels / heads));
  }
  list.put(record.ROWS, rows);
  list.put(record.ROW_BLOCKS, Math.ceil(pixels / rows));
  list.put(record.SCRATCH1, 4 * rows * stored);
  list.need(4 * (rows * stored + rows));
}

export interface AttentionAt {
  /** Address of q, k and v. */
  qkv: number;
  heads: number;
}

export interface AttentionGradient extends AttentionAt {
  /** Gradient of the result, [N, H, W, C]. */
  dy: MapAt;
  /** Address of the gradient of q, k and v, [N, H, W, 3C]. */
  out: number;
}

/** Queries whose scores are held at once. They decide in which order values are added. */
export const QUERIES = 32;

/** The gradient of attention; the scores are made again. A task is one head of one image. */
export function attentionGradient(list: CallList, { qkv, heads, dy, out }: AttentionGradient): void {
  const { images, channels } = dy;
  const pixels = dy.height * dy.width;
  const stored = Math.ceil(pixels / record.PANEL) * record.PANEL;
  const packed = (stored * channels) / heads;
  list.call(record.ATTENTION_GRADIENT, images * heads);
  list.put(record.SOURCE0, qkv);
  list.put(record.GRADIENT, dy.at);
  list.put(record.HEADS, heads);
  list.put(record.OUT, out);
  list.put(record.OUT_CHANNELS, channels);
  list.put(record.OUT_WIDTH, pixels);
  list.put(record.ROWS, QUERIES);
  list.float(record.SCALE, 1 / Math.sqrt(channels / heads));
  // Packed keys, packed values, then probabilities and their gradients.
  list.put(record.SCRATCH1, 4 * packed);
  list.put(record.SCRATCH2, 4 * 2 * packed);
  list.need(4 * 2 * (packed + QUERIES * stored));
}
