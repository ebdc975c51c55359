import { separatedOrder } from '../../qkv';
import { storedChannels } from '../../steps';
import type { WholeLayout } from '../layouts';

/** Float32 values of a whole value as the kernels store it: a filter [taps, inputs, outputs], a matrix [inputs, outputs]. */
export function storedValues(layout: WholeLayout): number {
  switch (layout.kind) {
    case 'vector':
      return storedChannels(layout.channels);
    case 'depthwise':
      return layout.kernel ** 2 * storedChannels(layout.channels);
    case 'matrix':
      return storedChannels(layout.inputs) * storedChannels(layout.outputs);
    case 'filter':
      return layout.taps * storedChannels(layout.inputs) * storedChannels(layout.outputs);
  }
}

/** For each stored value the place of its published one, -1 where it only pads. */
export function publishedPlaces(layout: WholeLayout): Int32Array {
  const stored = new Int32Array(storedValues(layout)).fill(-1);
  const order = (channels: number, heads: number) =>
    heads ? separatedOrder(channels) : Array.from({ length: channels }, (_, c) => c);
  switch (layout.kind) {
    case 'vector':
      stored.set(order(layout.channels, layout.heads));
      break;
    case 'depthwise': {
      const [width, area] = [storedChannels(layout.channels), layout.kernel ** 2];
      for (let c = 0; c < layout.channels; c++)
        for (let tap = 0; tap < area; tap++) stored[tap * width + c] = c * area + tap;
      break;
    }
    case 'matrix': {
      const { inputs, outputs } = layout;
      const width = storedChannels(outputs);
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++) stored[i * width + o] = o * inputs + i;
      break;
    }
    case 'filter': {
      const { taps, inputs, outputs, heads } = layout;
      const [depth, width] = [storedChannels(inputs), storedChannels(outputs)];
      for (const [to, o] of order(outputs, heads).entries())
        for (let i = 0; i < inputs; i++)
          for (let tap = 0; tap < taps; tap++)
            stored[(tap * depth + i) * width + to] = (o * inputs + i) * taps + tap;
    }
  }
  return stored;
}
