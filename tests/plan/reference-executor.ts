import type { OpenNetwork, PlanExecutor } from '../../src/nn/plan/executor';
import type {
  AttentionStep,
  ConvStep,
  Epilogue,
  LinearStep,
  NormStep,
  Output,
  Plan,
  PointwiseStep,
  Prologue,
  ResampleStep,
  Step,
  Value,
} from '../../src/nn/plan/steps';
import type { WeightSource } from '../../src/nn/weights';

/**
 * Every step of a plan in plain TypeScript, float64 inside a step and float32 between steps: the oracle of the
 * fast executors. Maps are [H, W, C], one array an image, without padded channels.
 */
export const openReference: OpenNetwork = async (_, weights) => ({
  bytes: 0,
  dispose: () => {},
  prepare: async (plan, batch) => new ReferenceExecutor(plan, weights, batch),
});

export class ReferenceExecutor implements PlanExecutor {
  readonly bytes = 0;
  private readonly parameters = new Map<string, Float32Array>();
  private gains: ReadonlyMap<string, number> = new Map();

  constructor(
    private readonly plan: Plan,
    private readonly weights: WeightSource,
    private readonly batch: number,
  ) {}

  async run(
    inputs: ReadonlyMap<string, Float32Array>,
    gains: ReadonlyMap<string, number> = new Map(),
  ): Promise<ReadonlyMap<string, Float32Array>> {
    const { plan, batch } = this;
    this.gains = gains;
    const results = new Map<string, Float32Array>();
    const sizeOf = ({ value, channels }: Output) => size({ ...value, channels });
    for (const [name, output] of plan.outputs) results.set(name, new Float32Array(batch * sizeOf(output)));
    for (const name of plan.observed.keys()) results.set(name, new Float32Array(batch));
    for (let n = 0; n < batch; n++) {
      const values = new Map<Value, Float32Array>();
      for (const [name, value] of plan.inputs) {
        const all = inputs.get(name)!;
        if (all.length !== batch * size(value)) throw new Error(`input ${name} has a wrong length`);
        values.set(value, all.slice(n * size(value), (n + 1) * size(value)));
      }
      for (const step of plan.steps)
        values.set(
          step.out,
          this.step(step, (v) => values.get(v)!),
        );
      for (const [name, output] of plan.outputs) {
        const { value, offset } = output;
        const whole = values.get(value)!;
        const part = value.kind === 'vector' ? whole.subarray(offset, offset + output.channels) : whole;
        results.get(name)!.set(part, n * sizeOf(output));
      }
      for (const [name, value] of plan.observed)
        results.get(name)![n] = values.get(value)!.reduce((sum, v) => sum + v * v, 0);
    }
    return results;
  }

  dispose(): void {}

  private parameter(name: string): Float32Array {
    let values = this.parameters.get(name);
    if (!values) {
      values = this.weights.read(name);
      this.parameters.set(name, values);
    }
    return values;
  }

  private step(step: Step, at: (value: Value) => Float32Array): Float32Array {
    switch (step.kind) {
      case 'norm':
        return this.norm(step, at);
      case 'conv':
        return this.conv(step, at);
      case 'resample':
        return this.resample(step, at);
      case 'pointwise':
        return this.finish(this.read(step, at), step, at);
      case 'attention':
        return attention(step, at(step.qkv));
      case 'linear':
        return this.linear(step, at);
    }
  }

  private norm({ sources, name, groups, eps, modulate }: NormStep, at: (value: Value) => Float32Array) {
    const x = join(sources, at);
    const channels = sources.reduce((sum, s) => sum + s.channels, 0);
    const pixels = x.length / channels;
    const width = channels / groups;
    const weight = this.parameter(`${name}.weight`);
    const bias = this.parameter(`${name}.bias`);
    const v = modulate && at(modulate.vector).subarray(modulate.offset, modulate.offset + 2 * channels);
    const out = new Float32Array(2 * channels);
    for (let g = 0; g < groups; g++) {
      const over = (value: (x: number) => number) => {
        let sum = 0;
        for (let p = 0; p < pixels; p++)
          for (let c = g * width; c < (g + 1) * width; c++) sum += value(x[p * channels + c]!);
        return sum / (pixels * width);
      };
      const mean = over((x) => x);
      const variance = over((x) => (x - mean) ** 2);
      for (let c = g * width; c < (g + 1) * width; c++) {
        let a = weight[c]! / Math.sqrt(variance + eps);
        let b = bias[c]! - mean * a;
        if (v) {
          a *= v[c]! + 1;
          b = b * (v[c]! + 1) + v[channels + c]!;
        }
        out[c] = a;
        out[channels + c] = b;
      }
    }
    return out;
  }

  private conv(step: ConvStep, at: (value: Value) => Float32Array): Float32Array {
    const { kernel: k, pad, name, out: to } = step;
    const x = this.read(step, at);
    const { height, width } = step.sources[0]!;
    const channels = x.length / (height * width);
    const weight = this.parameter(`${name}.weight`);
    const out = new Float64Array(size(to));
    for (let y = 0; y < to.height; y++)
      for (let xx = 0; xx < to.width; xx++)
        for (let i = 0; i < k; i++)
          for (let j = 0; j < k; j++) {
            const [sy, sx] = [y + i - pad, xx + j - pad];
            if (sy < 0 || sy >= height || sx < 0 || sx >= width) continue;
            const from = (sy * width + sx) * channels;
            for (let o = 0; o < to.channels; o++) {
              let sum = 0;
              for (let c = 0; c < channels; c++)
                sum += x[from + c]! * weight[((o * channels + c) * k + i) * k + j]!;
              out[(y * to.width + xx) * to.channels + o]! += sum;
            }
          }
    return this.finish(out, step, at);
  }

  /** As a correlation with the taps' outer product: down with stride 2, up over zeros between the pixels. */
  private resample(step: ResampleStep, at: (value: Value) => Float32Array): Float32Array {
    const { direction, taps, pad, source, out: to } = step;
    const x = this.read({ ...step, sources: [source] }, at);
    const { height, width, channels } = source;
    const total = taps.reduce((a, b) => a + b, 0);
    const gain = direction === 'up' ? 4 : 1;
    // Transposed convolution: the published padding crops (K - 1) / 2 of the K - 1 zeros around.
    const before = direction === 'up' ? taps.length - 1 - ((taps.length - 1) >> 1) : pad;
    /** Index of the source pixel under a tap; -1 for a zero. */
    const under = (o: number, tap: number, limit: number): number => {
      const position = direction === 'up' ? o + tap - before : 2 * o + tap - before;
      if (direction === 'up' && position % 2 !== 0) return -1;
      const index = direction === 'up' ? position / 2 : position;
      return index >= 0 && index < limit ? index : -1;
    };
    const out = new Float64Array(size(to));
    for (let y = 0; y < to.height; y++)
      for (let xx = 0; xx < to.width; xx++)
        for (let i = 0; i < taps.length; i++)
          for (let j = 0; j < taps.length; j++) {
            const [sy, sx] = [under(y, i, height), under(xx, j, width)];
            if (sy < 0 || sx < 0) continue;
            const factor = (taps[i]! * taps[j]! * gain) / total ** 2;
            for (let c = 0; c < channels; c++)
              out[(y * to.width + xx) * channels + c]! += factor * x[(sy * width + sx) * channels + c]!;
          }
    return this.finish(out, step, at);
  }

  private linear(step: LinearStep, at: (value: Value) => Float32Array): Float32Array {
    const { inputScale, parts, residual, silu: activate } = step;
    const input = at(step.input);
    const out: number[] = [];
    for (const { name, bias, features } of parts) {
      const weight = this.parameter(`${name}.weight`);
      const biases = bias ? this.parameter(`${name}.bias`) : null;
      for (let o = 0; o < features; o++) {
        let sum = biases?.[o] ?? 0;
        for (let i = 0; i < input.length; i++) sum += input[i]! * inputScale * weight[o * input.length + i]!;
        out.push(sum);
      }
    }
    const added = residual ? out.map((v, i) => v + at(residual)[i]!) : out;
    return Float32Array.from(activate ? added.map(silu) : added);
  }

  /** What a step sees: the sources joined, after its prologue. */
  private read(
    { sources, prologue }: { sources: readonly Value[]; prologue: Prologue },
    at: (value: Value) => Float32Array,
  ): Float64Array {
    const x = Float64Array.from(join(sources, at));
    const affine = prologue.affine && at(prologue.affine);
    const channels = sources.reduce((sum, s) => sum + s.channels, 0);
    for (let i = 0; i < x.length; i++) {
      const c = i % channels;
      if (affine) x[i] = x[i]! * affine[c]! + affine[channels + c]!;
      if (prologue.silu) x[i] = silu(x[i]!);
    }
    return x;
  }

  private finish(
    x: Float64Array,
    { epilogue, out }: { epilogue: Epilogue; out: Value } | PointwiseStep,
    at: (value: Value) => Float32Array,
  ): Float32Array {
    const bias = epilogue.bias ? this.parameter(epilogue.bias) : null;
    const vector = epilogue.vector && at(epilogue.vector.vector).subarray(epilogue.vector.offset);
    const residual = epilogue.residual && at(epilogue.residual);
    const scale = epilogue.scale * (epilogue.gain === null ? 1 : (this.gains.get(epilogue.gain) ?? 1));
    return Float32Array.from(x, (value, i) => {
      const c = i % out.channels;
      return (value + (bias?.[c] ?? 0) + (vector?.[c] ?? 0) + (residual?.[i] ?? 0)) * scale;
    });
  }
}

function attention({ heads, out }: AttentionStep, qkv: Float32Array): Float32Array {
  const pixels = out.height * out.width;
  const width = out.channels / heads;
  const result = new Float32Array(size(out));
  const get = (pixel: number, head: number, c: number, which: number) =>
    qkv[((pixel * heads + head) * width + c) * 3 + which]!;
  for (let h = 0; h < heads; h++)
    for (let i = 0; i < pixels; i++) {
      const scores = Array.from({ length: pixels }, (_, j) => {
        let sum = 0;
        for (let c = 0; c < width; c++) sum += get(i, h, c, 0) * get(j, h, c, 1);
        return sum / Math.sqrt(width);
      });
      const largest = Math.max(...scores);
      const exps = scores.map((s) => Math.exp(s - largest));
      const total = exps.reduce((a, b) => a + b, 0);
      for (let c = 0; c < width; c++) {
        let sum = 0;
        for (let j = 0; j < pixels; j++) sum += exps[j]! * get(j, h, c, 2);
        result[i * out.channels + h * width + c] = sum / total;
      }
    }
  return result;
}

/** Float32 values of one image, unpadded. */
export const size = ({ kind, height, width, channels }: Value): number =>
  kind === 'vector' ? channels : kind === 'affine' ? 2 * channels : height * width * channels;

function join(sources: readonly Value[], at: (value: Value) => Float32Array): Float32Array {
  if (sources.length === 1) return at(sources[0]!);
  const channels = sources.reduce((sum, s) => sum + s.channels, 0);
  const pixels = sources[0]!.height * sources[0]!.width;
  const out = new Float32Array(pixels * channels);
  let first = 0;
  for (const source of sources) {
    const x = at(source);
    for (let p = 0; p < pixels; p++)
      out.set(x.subarray(p * source.channels, (p + 1) * source.channels), p * channels + first);
    first += source.channels;
  }
  return out;
}

const silu = (x: number): number => x / (1 + Math.exp(-x));
