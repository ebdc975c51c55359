import { InnateError } from '../../../lib/errors';
import type { WeightSource } from '../../weights';
import { separatedOrder } from '../qkv';
import {
  type ConvStep,
  type LinearStep,
  type Plan,
  type ResampleStep,
  type Step,
  storedChannels,
  type Value,
} from '../steps';
import { type ConvForm, convSize, isMatrix, winogradTile } from './forms';
import { type ChannelOrder, packDirect, packedMatrix, packLinear, packWinograd } from './weights';

/** Where a step's parameters lie: bytes from the start of the weights. */
export interface StepWeights {
  /** How a convolution is done; it has no meaning for other steps. */
  form: ConvForm;
  weights: number;
  bias: number | null;
}

/** Room for one parameter, or a few side by side. */
interface Piece {
  /** Bytes from the start of the weights. */
  offset: number;
  /** Float32 values. */
  size: number;
  /** Reads and packs the parameter into zeros; null when that is done. */
  pack: ((to: Float32Array) => void) | null;
}

interface StepPieces {
  form: ConvForm;
  weights: Piece | null;
  bias: Piece | null;
}

/**
 * Every parameter of a network in its kernel's layout, in one block of float32 values. The whole network's plan gives
 * each its room; it is read and packed when a plan first needs it.
 */
export class PackedNetwork {
  private readonly pieces = new Map<string, Piece>();
  /** The form of each convolution, by its name. */
  private readonly forms: ReadonlyMap<string, ConvForm>;
  private values = 0;
  private complete = false;

  constructor(
    whole: Plan,
    private readonly source: WeightSource,
    form: (step: ConvStep) => ConvForm,
  ) {
    this.forms = new Map(whole.steps.flatMap((s) => (s.kind === 'conv' ? [[s.name, form(s)]] : [])));
    for (const step of whole.steps) this.stepPieces(step);
    this.complete = true;
  }

  get bytes(): number {
    return this.values * 4;
  }

  /** Packs what a plan of this network needs, and is not there yet, to `memory` from byte `at`. */
  pack(plan: Plan, memory: ArrayBufferLike, at: number): void {
    for (const step of plan.steps) {
      const { weights, bias } = this.stepPieces(step);
      for (const piece of [weights, bias]) {
        if (!piece?.pack) continue;
        piece.pack(new Float32Array(memory, at + piece.offset, piece.size));
        piece.pack = null;
      }
    }
  }

  /** Where the parameters of a step lie, in any plan of this network. Throws on a step of another one. */
  weights(step: Step): StepWeights {
    const { form, weights, bias } = this.stepPieces(step);
    return { form, weights: weights?.offset ?? 0, bias: bias?.offset ?? null };
  }

  private stepPieces(step: Step): StepPieces {
    switch (step.kind) {
      case 'conv':
        return this.conv(step);
      case 'linear':
        return this.linear(step);
      case 'norm':
        return {
          form: 'direct',
          weights: this.vector(`${step.name}.weight`, joinedOrder(step.sources)),
          bias: this.vector(`${step.name}.bias`, joinedOrder(step.sources)),
        };
      case 'resample':
        return { form: 'direct', weights: this.taps(step), bias: this.bias(step) };
      case 'pointwise':
        return { form: 'direct', weights: null, bias: this.bias(step) };
      case 'attention':
        return { form: 'direct', weights: null, bias: null };
    }
  }

  private conv(step: ConvStep): StepPieces {
    const { name, kernel, sources, out } = step;
    const chosen = this.forms.get(name);
    if (!chosen) throw stranger(name);
    // A value that is looked at may change how another one is read; both read the same packed weights.
    const form = chosen === 'matrix' && !isMatrix(step) ? 'direct' : chosen;
    const channels = sources.reduce((sum, s) => sum + s.channels, 0);
    const tile = winogradTile(form);
    const weights = this.piece(`${name} convolution`, convSize(step, form), (to) => {
      const values = this.source.read(`${name}.weight`);
      const [inputs, outputs] = [joinedOrder(sources), outputOrder(out)];
      if (tile) packWinograd(values, tile, channels, inputs, outputs, to);
      else packDirect(values, kernel ** 2, channels, inputs, outputs, to);
    });
    return { form, weights, bias: this.bias(step) };
  }

  private linear({ input, inputScale, matrix: parts }: LinearStep): StepPieces {
    const names = parts.map((p) => p.name).join();
    const columns = storedChannels(parts.reduce((sum, p) => sum + p.features, 0));
    const matrix = packedMatrix(storedChannels(input.channels), columns);
    const weights = this.piece(`${names} linear`, matrix.size, (to) => {
      let first = 0;
      for (const { name, features } of parts) {
        packLinear(this.source.read(`${name}.weight`), input.channels, inputScale, matrix, first, to);
        first += features;
      }
    });
    const bias = this.piece(`${names} bias`, columns, (to) => {
      let first = 0;
      for (const { name, bias: has, features } of parts) {
        if (has) to.set(this.source.read(`${name}.bias`), first);
        first += features;
      }
    });
    return { form: 'matrix', weights, bias };
  }

  /** The filter along one axis; the two-dimensional one is the product of two: gain 1 down, 4 up. */
  private taps({ taps, direction }: ResampleStep): Piece {
    const total = taps.reduce((a, b) => a + b, 0);
    return this.piece(`${direction} ${taps.join()}`, taps.length, (to) =>
      to.set(taps.map((tap) => ((direction === 'up' ? 2 : 1) * tap) / total)),
    );
  }

  private bias({ epilogue, out }: Pick<ConvStep, 'epilogue' | 'out'>): Piece | null {
    return epilogue.bias === null ? null : this.vector(epilogue.bias, outputOrder(out));
  }

  private vector(name: string, order: ChannelOrder): Piece {
    return this.piece(name, order.length, (to) => {
      const values = this.source.read(name);
      for (const [i, c] of order.entries()) if (c >= 0) to[i] = values[c]!;
    });
  }

  /** Room for `size` values that are filled by `pack` later; the same for the same key. */
  private piece(key: string, size: number, pack: Piece['pack']): Piece {
    let piece = this.pieces.get(key);
    if (piece) return piece;
    if (this.complete) throw stranger(key);
    piece = { offset: this.values * 4, size, pack };
    this.pieces.set(key, piece);
    this.values += Math.ceil(size / 16) * 16;
    return piece;
  }
}

const stranger = (key: string): Error => new Error(`not of the network that was packed: ${key}`);

/** The order in which the channels of what a step writes are stored. */
const outputOrder = (out: Value): ChannelOrder =>
  out.attentionHeads ? attentionOrder(out.channels, out.attentionHeads) : plainOrder(out);

/** A value's channels in order, -1 for those that only pad. */
const plainOrder = ({ channels }: Value): ChannelOrder =>
  Array.from({ length: storedChannels(channels) }, (_, c) => (c < channels ? c : -1));

function joinedOrder(sources: readonly Value[]): ChannelOrder {
  let first = 0;
  return sources.flatMap((source) => {
    const order = plainOrder(source).map((c) => (c < 0 ? c : first + c));
    first += source.channels;
    return order;
  });
}

/** q, k and v one after the other; the kernels read each head's channels four at a time. */
function attentionOrder(channels: number, heads: number): ChannelOrder {
  const width = channels / 3 / heads;
  if (!Number.isInteger(width / 4))
    throw new InnateError('unsupported', 'this network cannot be planned', {
      expected: 'attention heads of a multiple of 4 channels',
      found: `${width} channels`,
    });
  return separatedOrder(channels);
}
