import { winogradFilter } from '../../../gpu/kernels/winograd';
import type { WeightPrecision } from '../../../lib/backends';
import { floatToHalf } from '../../../lib/half';
import type { WeightSource } from '../../weights';
import { separateQkv } from '../qkv';
import { storedChannels } from '../steps';
import type { PackedWeight } from './dispatch';

/**
 * Weights as the kernels read them: [taps, depth, columns] with depth and columns rounded up to multiples of 4;
 * in half precision two rows of the depth are packed into each 32-bit word.
 */
export class WeightPacker {
  constructor(
    private readonly source: WeightSource,
    readonly precision: WeightPrecision,
  ) {}

  /** A convolution's weights OIHW as taps, or in `winograd` form as the 16 products of F(2x2, 3x3). */
  convolution(name: string, form: 'direct' | 'winograd', qkv: boolean): PackedWeight {
    const [out, inputs, kernel] = this.source.shape(`${name}.weight`) as [number, number, number];
    const [rows, columns] = [storedChannels(inputs), storedChannels(out)];
    const taps = form === 'winograd' ? 16 : kernel * kernel;
    return this.packed(`${name} ${form}${qkv ? ' qkv' : ''}`, taps, rows, columns, () => {
      const values = this.read(`${name}.weight`, out, qkv);
      if (form === 'winograd') return winogradFilter(values, out, inputs, rows, columns);
      const result = new Float32Array(taps * rows * columns);
      for (let o = 0; o < out; o++)
        for (let c = 0; c < inputs; c++)
          for (let t = 0; t < taps; t++)
            result[(t * rows + c) * columns + o] = values[(o * inputs + c) * taps + t]!;
      return result;
    });
  }

  /** The weights of linear layers [out, in] side by side, multiplied by `scale`. */
  linear(parts: readonly { name: string; features: number }[], inputs: number, scale: number): PackedWeight {
    const rows = storedChannels(inputs);
    const columns = storedChannels(parts.reduce((sum, p) => sum + p.features, 0));
    return this.packed(`${parts.map((p) => p.name).join()} linear`, 1, rows, columns, () => {
      const result = new Float32Array(rows * columns);
      let at = 0;
      for (const { name, features } of parts) {
        const values = this.source.read(`${name}.weight`);
        for (let o = 0; o < features; o++)
          for (let i = 0; i < inputs; i++) result[i * columns + at + o] = values[o * inputs + i]! * scale;
        at += features;
      }
      return result;
    });
  }

  /** Sums of bias vectors one after the other, zeros where there is none; always float32. */
  bias(parts: readonly { names: readonly string[]; features: number }[], qkv = false): PackedWeight {
    const length = storedChannels(parts.reduce((sum, p) => sum + p.features, 0));
    return {
      key: `${parts.map((p) => `${p.names.join('+')}:${p.features}`).join()} bias ${qkv}`,
      bytes: 4 * length,
      pack: () => {
        const result = new Float32Array(length);
        let at = 0;
        for (const { names, features } of parts) {
          for (const name of names) {
            const values = this.read(name, features, qkv);
            for (let i = 0; i < features; i++) result[at + i]! += values[i]!;
          }
          at += features;
        }
        return result;
      },
    };
  }

  /** A parameter [channels, ...], in the order in which kernels store q, k and v where it makes these. */
  private read(name: string, channels: number, qkv: boolean): Float32Array {
    const values = this.source.read(name);
    return qkv ? separateQkv(values, channels) : values;
  }

  private packed(
    what: string,
    taps: number,
    rows: number,
    columns: number,
    make: () => Float32Array,
  ): PackedWeight {
    const half = this.precision === 'f16';
    return {
      key: `${what} ${this.precision}`,
      bytes: taps * rows * columns * (half ? 2 : 4),
      pack: () => (half ? packPairs(make(), rows, columns) : make()),
    };
  }
}

/** Rows 2r and 2r + 1 of every [rows, columns] matrix as the low and high halves of a word. */
export function packPairs(values: Float32Array, rows: number, columns: number): Uint32Array {
  if (rows % 2 !== 0) throw new Error('an odd number of rows cannot be packed in pairs');
  const halves = floatToHalf(values);
  const out = new Uint32Array(values.length / 2);
  for (let pair = 0; pair < values.length / (2 * columns); pair++) {
    const [low, high] = [2 * pair * columns, (2 * pair + 1) * columns];
    for (let c = 0; c < columns; c++) out[pair * columns + c] = halves[low + c]! | (halves[high + c]! << 16);
  }
  return out;
}
