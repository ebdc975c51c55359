import { separatedOrder } from '../../qkv';
import { storedChannels } from '../../steps';
import { packDirect, packedMatrix, packLinear } from '../../wasm/weights';
import { Unplanned } from '../executor';
import type { WholeLayout } from '../layouts';

/** Float32 values as stored. */
export function storedValues(layout: WholeLayout): number {
  switch (layout.kind) {
    case 'vector':
      return storedChannels(layout.channels);
    case 'depthwise':
      return layout.kernel ** 2 * storedChannels(layout.channels);
    case 'matrix':
      return packedMatrix(storedChannels(layout.inputs), storedChannels(layout.outputs)).size;
    case 'filter':
      return packedMatrix(layout.taps * storedChannels(layout.inputs), storedChannels(layout.outputs)).size;
  }
}

/** For each stored value the place of its published one, -1 where it only pads. */
export function publishedPlaces(layout: WholeLayout, count: number): Int32Array {
  // The layouts' own packing, of places instead of values; exact in float32 up to 2^24.
  if (count >= 2 ** 24)
    throw new Unplanned('a parameter', `${count} values, where less than 2^24 are possible`);
  const places = new Float32Array(count);
  for (let i = 0; i < count; i++) places[i] = i + 1;
  const stored = new Float32Array(storedValues(layout));
  const padded = (channels: number, order: readonly number[] = []) =>
    Array.from({ length: storedChannels(channels) }, (_, c) => (c < channels ? (order[c] ?? c) : -1));
  const order = (channels: number, heads: number) => (heads ? separatedOrder(channels) : []);
  switch (layout.kind) {
    case 'vector':
      for (const [i, c] of padded(layout.channels, order(layout.channels, layout.heads)).entries())
        stored[i] = c < 0 ? 0 : places[c]!;
      break;
    case 'depthwise': {
      const width = storedChannels(layout.channels);
      const area = layout.kernel ** 2;
      for (let c = 0; c < layout.channels; c++)
        for (let tap = 0; tap < area; tap++) stored[tap * width + c] = places[c * area + tap]!;
      break;
    }
    case 'matrix': {
      const matrix = packedMatrix(storedChannels(layout.inputs), storedChannels(layout.outputs));
      packLinear(places, layout.inputs, 1, matrix, 0, stored);
      break;
    }
    case 'filter': {
      const { taps, inputs, outputs, heads } = layout;
      packDirect(places, taps, inputs, padded(inputs), padded(outputs, order(outputs, heads)), stored);
    }
  }
  const out = new Int32Array(stored.length);
  for (let i = 0; i < out.length; i++) out[i] = stored[i]! - 1;
  return out;
}
