import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../weights';
import {
  type ConvStep,
  type LinearStep,
  type Plan,
  type ResampleStep,
  type Step,
  storedChannels,
  type Value,
} from './steps';
import { type ConvForm, convSize, winogradTile } from './wasm-forms';
import { type ChannelOrder, packDirect, packedMatrix, packLinear, packWinograd } from './wasm-weights';

/** Where a step's parameters lie: bytes from the start of the weights. */
export interface StepWeights {
  form: ConvForm;
  weights: number;
  bias: number | null;
}

/** Every parameter of a plan in its kernel's layout, as writes into one block of float32 values. */
export class PackedNetwork {
  readonly steps = new Map<Step, StepWeights>();
  private readonly writes: ((block: (offset: number, size: number) => Float32Array) => void)[] = [];
  private values = 0;

  constructor(
    plan: Plan,
    private readonly source: WeightSource,
    private readonly form: (step: ConvStep) => ConvForm,
  ) {
    const attended = new Map<Value, number>();
    for (const step of plan.steps) if (step.kind === 'attention') attended.set(step.qkv, step.heads);
    for (const step of plan.steps) {
      const weights = this.stepWeights(step, attended);
      if (weights) this.steps.set(step, weights);
    }
  }

  get bytes(): number {
    return this.values * 4;
  }

  /** Reads the parameters one by one and packs them to `memory`, from byte `at`, which holds zeros. */
  write(memory: ArrayBufferLike, at: number): void {
    for (const write of this.writes) write((offset, size) => new Float32Array(memory, at + offset, size));
  }

  private stepWeights(step: Step, attended: ReadonlyMap<Value, number>): StepWeights | null {
    switch (step.kind) {
      case 'conv': {
        const heads = attended.get(step.out);
        return this.conv(step, heads ? attentionOrder(step.out.channels, heads) : plainOrder(step.out));
      }
      case 'linear':
        return this.linear(step);
      case 'norm':
        return {
          form: 'direct',
          weights: this.vector(`${step.name}.weight`, joinedOrder(step.sources)),
          bias: this.vector(`${step.name}.bias`, joinedOrder(step.sources)),
        };
      case 'resample':
        return {
          form: 'direct',
          weights: this.taps(step),
          bias: this.bias(step.epilogue.bias, plainOrder(step.out)),
        };
      case 'pointwise':
        return { form: 'direct', weights: 0, bias: this.bias(step.epilogue.bias, plainOrder(step.out)) };
      case 'attention':
        return null;
    }
  }

  private conv(step: ConvStep, outputs: ChannelOrder): StepWeights {
    const form = this.form(step);
    const { name, kernel, sources } = step;
    const channels = sources.reduce((sum, s) => sum + s.channels, 0);
    const inputs = joinedOrder(sources);
    const tile = winogradTile(form);
    const weights = this.reserve(convSize(step, form), (to) => {
      const values = this.source.read(`${name}.weight`);
      if (tile) packWinograd(values, tile, channels, inputs, outputs, to);
      else packDirect(values, kernel, channels, inputs, outputs, to);
    });
    return { form, weights, bias: this.bias(step.epilogue.bias, outputs) };
  }

  private linear({ input, inputScale, parts, out }: LinearStep): StepWeights {
    const matrix = packedMatrix(storedChannels(input.channels), storedChannels(out.channels));
    const weights = this.reserve(matrix.size, (to) => {
      let first = 0;
      for (const { name, features } of parts) {
        packLinear(this.source.read(`${name}.weight`), input.channels, inputScale, matrix, first, to);
        first += features;
      }
    });
    const bias = this.reserve(storedChannels(out.channels), (to) => {
      let first = 0;
      for (const { name, bias: has, features } of parts) {
        if (has) to.set(this.source.read(`${name}.bias`), first);
        first += features;
      }
    });
    return { form: 'matrix', weights, bias };
  }

  /** Along one axis; the two-dimensional filter is their product: gain 1 down, 4 up. */
  private taps({ taps, direction }: ResampleStep): number {
    const total = taps.reduce((a, b) => a + b, 0);
    return this.reserve(taps.length, (to) =>
      to.set(taps.map((tap) => ((direction === 'up' ? 2 : 1) * tap) / total)),
    );
  }

  private bias(name: string | null, order: ChannelOrder): number | null {
    return name === null ? null : this.vector(name, order);
  }

  private vector(name: string, order: ChannelOrder): number {
    return this.reserve(order.length, (to) => {
      const values = this.source.read(name);
      for (const [i, c] of order.entries()) if (c >= 0) to[i] = values[c]!;
    });
  }

  /** Room for `size` values, filled by `pack` later; returns its offset in bytes. */
  private reserve(size: number, pack: (to: Float32Array) => void): number {
    const offset = this.values * 4;
    this.values += Math.ceil(size / 16) * 16;
    this.writes.push((block) => pack(block(offset, size)));
    return offset;
  }
}

/** A value's channels in order, -1 for those that only pad. */
export const plainOrder = ({ channels }: Value): ChannelOrder =>
  Array.from({ length: storedChannels(channels) }, (_, c) => (c < channels ? c : -1));

function joinedOrder(sources: readonly Value[]): ChannelOrder {
  let first = 0;
  return sources.flatMap((source) => {
    const order = plainOrder(source).map((c) => (c < 0 ? c : first + c));
    first += source.channels;
    return order;
  });
}

/** The kernels want all q, all k, all v; the network interleaves them: head, channel, q|k|v. */
export function attentionOrder(channels: number, heads: number): ChannelOrder {
  const width = channels / 3 / heads;
  if (!Number.isInteger(width / 4))
    throw new InnateError('unsupported', 'this network cannot be planned', {
      expected: 'attention heads of a multiple of 4 channels',
      found: `${width} channels`,
    });
  return Array.from({ length: channels }, (_, i) => {
    const which = Math.floor(i / (channels / 3));
    return (i % (channels / 3)) * 3 + which;
  });
}
