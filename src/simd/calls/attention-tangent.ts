import * as record from '../record';
import { type AttentionAt, QUERIES } from './attention';
import type { CallList, MapAt } from './list';

export interface AttentionTangent extends AttentionAt {
  /** Address of how q, k and v move, [N, H, W, 3C]. */
  along: number;
  out: MapAt;
}

/** How attention's result moves as q, k and v move; the scores are made again. A task is one head of one image. */
export function attentionTangent(list: CallList, { qkv, heads, along, out }: AttentionTangent): void {
  const { images, channels } = out;
  const pixels = out.height * out.width;
  const stored = Math.ceil(pixels / record.PANEL) * record.PANEL;
  const width = channels / heads;
  list.call(record.ATTENTION_TANGENT, images * heads);
  list.put(record.SOURCE0, qkv);
  list.put(record.GRADIENT, along);
  list.put(record.HEADS, heads);
  list.put(record.OUT, out.at);
  list.put(record.OUT_CHANNELS, channels);
  list.put(record.OUT_WIDTH, pixels);
  list.put(record.ROWS, QUERIES);
  list.float(record.SCALE, 1 / Math.sqrt(width));
  // Packed keys and how they move, then probabilities, how they move, and of which part; mixed values.
  list.put(record.SCRATCH1, 4 * stored * width);
  list.put(record.SCRATCH2, 4 * 2 * stored * width);
  list.need(4 * (2 * stored * width + QUERIES * (3 * stored + width)));
}
