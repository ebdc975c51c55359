import type { Node, Shape } from '../graph';
import { activated, sigmoid, slope } from './activations';

/**
 * Operations of a graph in float64, by their definitions: the oracle of the rules of differentiation and of the executors, and
 * what an executor falls back on for small values. Those that each executor has a kernel for and the tests alone compute so are
 * beside the tests (tests/plan/definitions.ts). Values are [N, H, W, C], [N, C] or whole.
 */
export class Definitions {
  constructor(readonly batch: number) {}

  size(shape: Shape): number {
    if (shape.whole) return shape.channels;
    return this.batch * rows(shape) * shape.channels;
  }

  /** The value of a node from those of its inputs. */
  value(node: Node, at: readonly Float64Array[]): Float64Array {
    const { operation: o, shape, inputs } = node;
    const [a, b, c] = at as [Float64Array, Float64Array, Float64Array];
    const from = inputs[0]?.shape as Shape;
    const out = new Float64Array(this.size(shape));
    const channels = shape.channels;
    switch (o.op) {
      case 'constant':
        return out.fill(o.value);
      case 'addBias':
        return out.map((_, i) => a[i]! + b[i % channels]!);
      case 'groupNorm': {
        const { hat } = this.normalised(a, from, o);
        return out.map((_, i) => hat[i]! * b[i % channels]! + c[i % channels]!);
      }
      case 'normSums': {
        const { hat } = this.normalised(a, from, o);
        const pixels = rows(from);
        for (let i = 0; i < a.length; i++) {
          const [n, k] = [Math.floor(i / (pixels * from.channels)), i % from.channels];
          out[n * channels + k]! += b[i]!;
          out[n * channels + from.channels + k]! += b[i]! * hat[i]!;
        }
        return out;
      }
      case 'normGradient': {
        // From its definition, not from the sums: r (w dy - mean(w dy) - xhat mean(w dy xhat)).
        const { hat, inverse, group } = this.normalised(a, from, o);
        const w = at[3]!;
        const g = b.map((v, i) => v * w[i % channels]!);
        const [mean, meanHat] = [averages(g, group), averages(times(g, hat), group)];
        return out.map((_, i) => inverse[i]! * (g[i]! - mean[i]! - hat[i]! * meanHat[i]!));
      }
      case 'timesChannels':
        return out.map((_, i) => a[i]! * b[i % channels]!);
      case 'silu':
        return a.map((x) => x * sigmoid(x));
      case 'siluGradient':
        return a.map((x, i) => b[i]! * sigmoid(x) * (1 + x * (1 - sigmoid(x))));
      case 'activate':
        return a.map((x) => activated(o.kind, x));
      case 'activateGradient':
        return a.map((y, i) => b[i]! * slope(o.kind, y));
      case 'add':
        return a.map((x, i) => x + b[i]!);
      case 'scale':
        return a.map((x) => x * o.factor);
      case 'concat':
        for (let r = 0; r < out.length / channels; r++) {
          out.set(a.subarray(r * from.channels, (r + 1) * from.channels), r * channels);
          const other = inputs[1]!.shape.channels;
          out.set(b.subarray(r * other, (r + 1) * other), r * channels + from.channels);
        }
        return out;
      case 'slice':
        return out.map((_, i) => a[Math.floor(i / channels) * from.channels + o.from + (i % channels)]!);
      case 'addVector':
        return out.map((_, i) => a[i]! + b[this.vectorIndex(i, shape)]!);
      case 'timesOnePlus':
        return out.map((_, i) => a[i]! * (b[this.vectorIndex(i, shape)]! + 1));
      case 'modulate':
        return out.map((_, i) => {
          const n = Math.floor(i / (rows(shape) * channels));
          const k = i % channels;
          return a[i]! * (b[n * 2 * channels + k]! + 1) + b[n * 2 * channels + channels + k]!;
        });
      case 'linear':
        return out.map((_, i) => {
          const [n, k] = [Math.floor(i / channels), i % channels];
          return dot(a, n * from.channels, b, k * from.channels, from.channels) + (o.bias ? c[k]! : 0);
        });
      case 'linearTransposed':
        for (let i = 0; i < out.length; i++)
          for (let k = 0; k < from.channels; k++)
            out[i]! += a[Math.floor(i / channels) * from.channels + k]! * b[k * channels + (i % channels)]!;
        return out;
      case 'outer': {
        const other = inputs[1]!.shape.channels;
        for (let n = 0; n < this.batch; n++)
          for (let i = 0; i < from.channels; i++)
            for (let j = 0; j < other; j++)
              out[i * other + j]! += a[n * from.channels + i]! * b[n * other + j]!;
        return out;
      }
      case 'deviation': {
        const { root } = this.deviations(a);
        return out.fill(root.reduce((x, y) => x + y, 0) / root.length);
      }
      case 'deviationGradient': {
        const { root, mean } = this.deviations(a);
        const each = root.length;
        return out.map((_, i) => (b[0]! / each) * ((a[i]! - mean[i % each]!) / this.batch / root[i % each]!));
      }
      case 'deviationCurvature': {
        // Of b (x - mean) / (E N r): r depends on x too, r^2 = mean over images of (x - mean)^2 + 1e-6.
        const { root, mean } = this.deviations(a);
        const each = root.length;
        for (let e = 0; e < each; e++) {
          let [sum, along] = [0, 0];
          for (let i = e; i < a.length; i += each) {
            sum += c[i]!;
            along += c[i]! * (a[i]! - mean[e]!);
          }
          const [average, factor] = [sum / this.batch, b[0]! / each / this.batch / root[e]!];
          for (let i = e; i < a.length; i += each)
            out[i] = factor * (c[i]! - average - ((a[i]! - mean[e]!) * along) / (this.batch * root[e]! ** 2));
        }
        return out;
      }
      case 'broadcast':
        return out.fill(a[0]!);
      case 'total':
        return out.fill(a.reduce((x, y) => x + y, 0));
      case 'dotVector':
        for (let i = 0; i < a.length; i++)
          out[Math.floor(i / from.channels)]! += a[i]! * b[this.vectorIndex(i, from)]!;
        return out;
      case 'outerVector':
        return out.map((_, i) => a[Math.floor(i / channels)]! * b[this.vectorIndex(i, shape)]!);
      case 'timesVector':
        return out.map((_, i) => a[i]! * b[this.vectorIndex(i, shape)]!);
      case 'pixelSum':
      case 'pixelDot':
        for (let i = 0; i < a.length; i++) {
          const other =
            o.op === 'pixelSum' ? 1 : b[inputs[1]!.shape.channels === 1 ? Math.floor(i / channels) : i]!;
          out[this.vectorIndex(i, from)]! += a[i]! * other;
        }
        return out;
      case 'squares':
        return out.fill(dot(a, 0, a, 0, a.length));
      case 'imageSum':
        for (let i = 0; i < a.length; i++) out[i % channels]! += a[i]!;
        return out;
      case 'powerV':
        return unit(matrixTimes(a, b, out));
      case 'powerU':
        return unit(timesMatrix(a, b, out));
      case 'spectralNorm': {
        const sigma = singular(a, b, c);
        return a.map((w) => w / sigma);
      }
      case 'spectralGradient': {
        const sigma = singular(a, b, c);
        const dw = at[3]!;
        const along = dw.reduce((sum, d, i) => sum + d * a[i]!, 0) / sigma ** 2;
        return a.map((_, i) => dw[i]! / sigma - along * b[Math.floor(i / c.length)]! * c[i % c.length]!);
      }
      default:
        throw new Error(`${o.op} has no definition here`);
    }
  }

  private vectorIndex(i: number, { height, width, channels }: Shape): number {
    return Math.floor(i / (height * width * channels)) * channels + (i % channels);
  }

  protected normalised(
    x: Float64Array,
    shape: Shape,
    { groups, eps, over }: { groups: number; eps: number; over: 'image' | 'batch' },
  ) {
    const width = shape.channels / groups;
    const group = (i: number) =>
      (over === 'image' ? Math.floor(i / (rows(shape) * shape.channels)) * groups : 0) +
      Math.floor((i % shape.channels) / width);
    const mean = averages(x, group);
    const variance = averages(
      x.map((v, i) => (v - mean[i]!) ** 2),
      group,
    );
    const inverse = variance.map((v) => 1 / Math.sqrt(v + eps));
    return { group, inverse, hat: x.map((v, i) => (v - mean[i]!) * inverse[i]!) };
  }

  /** Mean and standard deviation over the batch of every element. */
  private deviations(x: Float64Array) {
    const each = x.length / this.batch;
    const over = (value: (i: number) => number) =>
      Float64Array.from({ length: each }, (_, i) => {
        let sum = 0;
        for (let n = 0; n < this.batch; n++) sum += value(n * each + i);
        return sum / this.batch;
      });
    const mean = over((i) => x[i]!);
    const root = over((i) => (x[i]! - mean[i % each]!) ** 2).map((v) => Math.sqrt(v + 1e-6));
    return { mean, root };
  }
}

const rows = ({ height, width }: Shape): number => Math.max(1, height * width);

/** Products of elements. */
export const times = (a: Float64Array, b: Float64Array): Float64Array => a.map((v, i) => v * b[i]!);

/** Each element's mean over its group, by `group` of its index. */
export function averages(x: Float64Array, group: (i: number) => number): Float64Array {
  const sums: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < x.length; i++) {
    sums[group(i)] = (sums[group(i)] ?? 0) + x[i]!;
    counts[group(i)] = (counts[group(i)] ?? 0) + 1;
  }
  return x.map((_, i) => sums[group(i)]! / counts[group(i)]!);
}

/** OIHW weights as M' [out, fan in]: M u is M' transposed times u. */
function matrixTimes(w: Float64Array, u: Float64Array, out: Float64Array): Float64Array {
  for (let i = 0; i < w.length; i++) out[i % out.length]! += w[i]! * u[Math.floor(i / out.length)]!;
  return out;
}

function timesMatrix(w: Float64Array, v: Float64Array, out: Float64Array): Float64Array {
  for (let i = 0; i < w.length; i++) out[Math.floor(i / v.length)]! += w[i]! * v[i % v.length]!;
  return out;
}

const singular = (w: Float64Array, u: Float64Array, v: Float64Array): number =>
  dot(timesMatrix(w, v, new Float64Array(u.length)), 0, u, 0, u.length);

function unit(x: Float64Array): Float64Array {
  const norm = Math.max(Math.sqrt(dot(x, 0, x, 0, x.length)), 1e-12);
  return x.map((v) => v / norm);
}

/** Scalar product of `count` values from a[i] and b[j] on, `strideA` and `strideB` apart. */
export function dot(
  a: Float64Array,
  i: number,
  b: Float64Array,
  j: number,
  count: number,
  strideB = 1,
  strideA = 1,
): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += a[i + k * strideA]! * b[j + k * strideB]!;
  return sum;
}
