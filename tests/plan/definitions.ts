import type { Node, Shape } from '../../src/nn/plan/graph';
import { averages, Definitions, dot, times } from '../../src/nn/plan/training/definitions';
import { addScaled, filter, largest, published, resize, shiftAndCut, tapMajor, windows } from './loops';

/** All operations by their definitions in float64: those of `Definitions`, and those that no executor leaves to the host. */
export class KernelDefinitions extends Definitions {
  override value(node: Node, at: readonly Float64Array[]): Float64Array {
    const { operation: o, shape, inputs } = node;
    const [a, b, c] = at as [Float64Array, Float64Array, Float64Array];
    const from = inputs[0]?.shape as Shape;
    const out = new Float64Array(this.size(shape));
    const channels = shape.channels;
    switch (o.op) {
      case 'conv2d': {
        const w = tapMajor(b, o, from.channels);
        windows(o, this.batch, from, shape, (x, y, tap) => {
          const inner = o.depthwise ? 1 : from.channels;
          for (let k = 0; k < channels; k++)
            out[y + k]! += dot(a, o.depthwise ? x + k : x, w, (tap * channels + k) * inner, inner);
        });
        return o.bias ? out.map((v, i) => v + c[i % channels]!) : out;
      }
      case 'convTransposed': {
        const w = tapMajor(b, o, channels);
        const outputs = from.channels;
        windows(o, this.batch, shape, from, (x, y, tap) => {
          const inner = o.depthwise ? 1 : channels;
          for (let k = 0; k < outputs; k++)
            addScaled(out, o.depthwise ? x + k : x, w, (tap * outputs + k) * inner, inner, a[y + k]!);
        });
        return out;
      }
      case 'filterGradient': {
        const outputs = inputs[1]!.shape.channels;
        const inner = o.depthwise ? 1 : from.channels;
        windows(o, this.batch, from, inputs[1]!.shape, (x, y, tap) => {
          for (let k = 0; k < outputs; k++)
            addScaled(out, (tap * outputs + k) * inner, a, o.depthwise ? x + k : x, inner, b[y + k]!);
        });
        return published(out, o);
      }
      case 'downsample':
        filter(o, this.batch, from, shape, (x, y, f) => {
          out[y] = out[y]! + f * a[x]!;
        });
        return out;
      case 'upsample':
        filter(o, this.batch, shape, from, (x, y, f) => {
          out[x] = out[x]! + 4 * f * a[y]!;
        });
        return out;
      case 'resize':
        resize(o.method, this.batch, o.transposed ? shape : from, o.transposed ? from : shape, (x, y, f) => {
          if (o.transposed) out[x]! += f * a[y]!;
          else out[y]! += f * a[x]!;
        });
        return out;
      case 'maxPool':
        return out.map((_, i) => a[largest(a, i, from, shape, o)]!);
      case 'maxPoolGradient':
        for (let i = 0; i < b.length; i++) out[largest(a, i, from, inputs[1]!.shape)]! += b[i]!;
        return out;
      case 'unit':
      case 'unitGradient':
        for (let i = 0; i < out.length; i += channels) {
          const row = (of: Float64Array) => {
            const own = of.subarray(i, i + channels);
            const mean = o.centred ? own.reduce((sum, v) => sum + v, 0) / channels : 0;
            return own.map((v) => v - mean);
          };
          const [x, dy] = [row(a), b && row(b)];
          const r = 1 / Math.sqrt(dot(x, 0, x, 0, channels) + o.eps);
          const along = dy ? dot(x, 0, dy, 0, channels) * r ** 2 : 0;
          for (let k = 0; k < channels; k++) out[i + k] = r * (dy ? dy[k]! - x[k]! * along : x[k]!);
        }
        return out;
      case 'shiftAndCut':
        shiftAndCut(b, this.batch, shape, (x, y) => {
          for (let k = 0; k < channels; k++)
            out[(o.transposed ? x : y) * channels + k] = a[(o.transposed ? y : x) * channels + k]!;
        });
        return out;
      case 'normTangent': {
        const { hat, inverse, group } = this.normalised(a, from, o);
        const [mean, along] = [averages(b, group), averages(times(b, hat), group)];
        return out.map((_, i) => inverse[i]! * (b[i]! - mean[i]! - hat[i]! * along[i]!));
      }
      case 'batchNormCurvature': {
        // Of sum v r (dy - mean(dy) - xhat mean(dy xhat)) w: both r and xhat depend on x.
        const norm = { groups: channels, eps: o.eps, over: 'batch' } as const;
        const { hat, inverse, group } = this.normalised(a, from, norm);
        const mean = (value: Float64Array) => averages(value, group);
        const [meanDy, meanV, product] = [mean(b), mean(c), mean(times(b, c))];
        const [alongDy, alongV] = [mean(times(b, hat)), mean(times(c, hat))];
        return out.map((_, i) => {
          const along = product[i]! - meanDy[i]! * meanV[i]! - 3 * alongDy[i]! * alongV[i]!;
          const rest = alongDy[i]! * (c[i]! - meanV[i]!) + alongV[i]! * (b[i]! - meanDy[i]!);
          return -at[3]![i % channels]! * inverse[i]! ** 2 * (hat[i]! * along + rest);
        });
      }
      case 'gelu':
        return a.map((x) => x * gaussian(x));
      case 'geluGradient':
        return a.map((x, i) => b[i]! * (gaussian(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)));
      case 'addMap':
        return out.map((_, i) => a[i]! + b[i % b.length]!);
      case 'pixelsFrom':
      case 'amongPixels': {
        const [source, result] = [a.length / this.batch, out.length / this.batch];
        const [skipped, before] = o.op === 'pixelsFrom' ? [o.from * channels, 0] : [0, o.from * channels];
        const count = Math.min(source - skipped, result - before);
        for (let n = 0; n < this.batch; n++) {
          const first = n * source + skipped;
          out.set(a.subarray(first, first + count), n * result + before);
        }
        return out;
      }
      case 'attention':
        attend(o.heads, this.batch, shape, a, ({ y, v, weights }) => {
          for (const [j, weight] of weights.entries())
            addScaled(out, y, a, v(j), channels / o.heads, weight, 3);
        });
        return out;
      case 'attentionGradient': {
        const width = inputs[1]!.shape.channels / o.heads;
        attend(o.heads, this.batch, inputs[1]!.shape, a, ({ y, q, k, v, weights, factor }) => {
          // d score = weight (d weight - sum weight d weight) factor, d weight = dy . v.
          const change = weights.map((_, j) => dot(b, y, a, v(j), width, 3));
          const mean = dot(weights, 0, change, 0, weights.length);
          for (const [j, weight] of weights.entries()) {
            const d = weight * (change[j]! - mean) * factor;
            for (let i = 0; i < width; i++) {
              out[v(j) + 3 * i]! += weight * b[y + i]!;
              out[q + 3 * i]! += d * a[k(j) + 3 * i]!;
              out[k(j) + 3 * i]! += d * a[q + 3 * i]!;
            }
          }
        });
        return out;
      }
      case 'attentionTangent': {
        const width = channels / o.heads;
        attend(o.heads, this.batch, shape, a, ({ y, q, k, v, weights, factor }) => {
          const moved = weights.map(
            (_, j) => factor * (dot(b, q, a, k(j), width, 3, 3) + dot(a, q, b, k(j), width, 3, 3)),
          );
          const mean = dot(weights, 0, moved, 0, weights.length);
          for (const [j, weight] of weights.entries()) {
            addScaled(out, y, a, v(j), width, weight * (moved[j]! - mean), 3);
            addScaled(out, y, b, v(j), width, weight, 3);
          }
        });
        return out;
      }
      case 'maxPoolTangent':
        return out.map((_, i) => b[largest(a, i, from, shape)]!);
      default:
        return super.value(node, at);
    }
  }
}

/**
 * Phi(x), the share of a normal distribution below x: Marsaglia's series (2004), to the last digits of float64 where |x| is
 * below 7, and 0 or 1 beyond.
 */
function gaussian(x: number): number {
  if (Math.abs(x) > 7) return x > 0 ? 1 : 0;
  let [sum, term] = [x, x];
  for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

interface Query {
  /** First indices, in `qkv` every third value is the next channel: of its own q, and of key and value j. */
  q: number;
  k(j: number): number;
  v(j: number): number;
  /** First index in the result. */
  y: number;
  /** Softmax of factor q k'. */
  weights: Float64Array;
  factor: number;
}

function attend(
  heads: number,
  batch: number,
  { height, width, channels }: Shape,
  qkv: Float64Array,
  visit: (query: Query) => void,
): void {
  const [pixels, each] = [height * width, channels / heads];
  const factor = 1 / Math.sqrt(each);
  for (let n = 0; n < batch; n++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < pixels; i++) {
        const at = (which: number) => (j: number) => ((n * pixels + j) * heads + h) * each * 3 + which;
        const [q, k, v] = [at(0)(i), at(1), at(2)];
        const scores = Float64Array.from(
          { length: pixels },
          (_, j) => factor * dot(qkv, q, qkv, k(j), each, 3, 3),
        );
        const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
        const exps = scores.map((s) => Math.exp(s - top));
        const total = exps.reduce((a, b) => a + b, 0);
        const y = (n * pixels + i) * channels + h * each;
        visit({ q, k, v, y, weights: exps.map((e) => e / total), factor });
      }
}
