import {
  convolve,
  convolveWinograd,
  filterGradient,
  inputGradient,
  matrixProduct,
  turnedValues,
  turnFilter,
  type Window,
  winogradFilter,
  winogradValues,
} from '../../../../simd/calls/convolution';
import type { CallList, EpilogueAt } from '../../../../simd/calls/list';
import { depthwise, depthwiseGradient } from '../../../../simd/calls/maps';
import { HARDTANH, LEAKY_RELU, NONE, RELU, RELU6, SOFTPLUS } from '../../../../simd/record';
import type { Node, Shape } from '../../graph';
import type { Activation, ConvGeometry } from '../../operations';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import type { Ending } from '../folding';
import type { Site } from './site';
import type { Room } from './works';

/** Activations as a call's record has them. */
export const ACTIVATIONS: Readonly<Record<Activation, number>> = {
  relu: RELU,
  relu6: RELU6,
  leakyRelu: LEAKY_RELU,
  softplus: SOFTPLUS,
  hardtanh: HARDTANH,
};

type ConvNode = ConvGeometry & { op: 'conv2d' | 'convTransposed'; bias?: boolean };

/** What follows a convolution, with the rooms it needs. */
interface EndingRooms {
  rooms: Room[];
  epilogue: () => EpilogueAt;
}

function endingOf(
  site: Site,
  { vector, residual, scale, activation }: Ending,
  bias: Node | null,
): EndingRooms {
  const [vectorRoom, biasRoom] = [vector && site.room(vector), bias && site.room(bias)];
  const residualRead = residual && site.plain(residual);
  return {
    rooms: [
      ...(vectorRoom ? [vectorRoom] : []),
      ...(biasRoom ? [biasRoom] : []),
      ...(residualRead ? residualRead.rooms : []),
    ],
    epilogue: () => ({
      bias: biasRoom?.at ?? 0,
      vector: vectorRoom
        ? { at: vectorRoom.at, stride: 4 * storedChannels(vector!.shape.channels) }
        : undefined,
      residual: residualRead ? residualRead.sources()[0]!.at : 0,
      scale,
      activation: activation ? ACTIVATIONS[activation] : NONE,
    }),
  };
}

/**
 * Filters in the forms that convolutions read, made where they are first read; of frozen ones once for all runs. A convolution that is
 * recomputed has its own: the form would be held from the forward pass on, and is four times the filter.
 */
export class Filters {
  private readonly turned = new Map<Node, Map<string, Room>>();

  constructor(private readonly site: Site) {}

  /** The weight turned around for a convolution's input gradient, and perhaps transformed for Winograd tiles. */
  forInputGradient(weight: Node, shape: FilterShape, tile: 2 | 4 | null): Room {
    const { window, inputs, outputs } = shape;
    const turn = (list: CallList, from: number, to: number) =>
      turnFilter(list, { window, inputs, outputs, filter: from, out: to });
    if (!tile) return this.made(weight, `turned ${window.stride} ${window.pad}`, turnedValues(shape), turn);
    const turned = this.site.works.room(turnedValues(shape));
    return this.made(
      weight,
      `turned winograd ${tile}`,
      winogradValues(tile, outputs, inputs),
      (list, from, to) => {
        turn(list, from, turned.at);
        winogradFilter(list, { filter: turned.at, inputs: outputs, outputs: inputs, tile, out: to });
      },
      [turned],
    );
  }

  forWinograd(root: Node, { inputs, outputs }: FilterShape, tile: 2 | 4): Room {
    const weight = root.inputs[1]!;
    const again = this.site.twins.has(root) && !this.site.frozen(weight) ? ' again' : '';
    const values = winogradValues(tile, inputs, outputs);
    return this.made(weight, `winograd ${tile}${again}`, values, (list, from, to) =>
      winogradFilter(list, { filter: from, inputs, outputs, tile, out: to }),
    );
  }

  private made(
    weight: Node,
    key: string,
    values: number,
    write: (list: CallList, from: number, to: number) => void,
    passing: readonly Room[] = [],
  ): Room {
    const forms = this.turned.get(weight) ?? new Map<string, Room>();
    this.turned.set(weight, forms);
    let room = forms.get(key);
    const once = this.site.frozen(weight);
    const { operation: o } = weight;
    const shared = once && o.op === 'parameter' ? `${o.name} ${key} ${values}` : null;
    if (!room && shared !== null) room = this.site.forms.get(shared);
    if (!room) {
      const made = this.site.works.room(values, once);
      const from = this.site.room(weight);
      this.site.calls([from, ...passing, made], (list) => write(list, from.at, made.at), once);
      room = made;
      if (shared !== null) this.site.forms.set(shared, made);
    }
    forms.set(key, room);
    return room;
  }
}

interface FilterShape {
  window: Window;
  inputs: number;
  outputs: number;
}

/** A convolution or its transpose with what follows it, written to the room of `owner`. */
export function writeConvolution(site: Site, filters: Filters, owner: Node, ending: Ending): void {
  const { root } = ending;
  const operation = root.operation as ConvNode;
  const [x, weight, biasNode] = root.inputs as [Node, Node, Node | undefined];
  const { rooms, epilogue } = endingOf(site, ending, operation.bias ? biasNode! : null);
  const out = site.room(owner);
  const { kernel, stride, pad, across } = operation;
  const window = { kernel, stride, pad, ...(across && { across }) };
  if (operation.depthwise) {
    const read = site.plain(x);
    const filter = site.room(weight);
    const write = operation.op === 'conv2d' ? depthwise : depthwiseGradient;
    site.calls([...read.rooms, filter, ...rooms, out], (list) => {
      const { residual = 0, ...rest } = epilogue();
      write(list, {
        source: read.sources()[0]!,
        filter: filter.at,
        kernel,
        stride: stride as 1 | 2,
        pad,
        ...(operation.op === 'conv2d' ? { epilogue: { residual, ...rest } } : { residual }),
        out: site.map(owner),
      });
    });
    return;
  }
  if (operation.op === 'convTransposed') {
    const shape = filterShape(window, owner.shape, x.shape);
    const tile = winogradTile(operation, shape, owner.shape);
    const read = site.plain(x);
    const filter = filters.forInputGradient(weight, shape, tile);
    site.calls([...read.rooms, filter, ...rooms, out], (list) =>
      inputGradient(list, {
        dy: read.sources()[0]!,
        window,
        filter: filter.at,
        ...(tile ? { winograd: tile } : {}),
        epilogue: epilogue(),
        out: site.map(owner),
      }),
    );
    return;
  }
  const shape = filterShape(window, x.shape, owner.shape);
  const tile = winogradTile(operation, shape, owner.shape);
  const matrix = kernel === 1 && !across && stride === 1 && pad === 0;
  const read = matrix ? site.plain(x) : site.read(x);
  const filter = tile ? filters.forWinograd(root, shape, tile) : site.room(weight);
  site.calls([...read.rooms, filter, ...rooms, out], (list) => {
    const step = {
      sources: read.sources(),
      prologue: read.prologue(),
      filter: filter.at,
      epilogue: epilogue(),
      out: site.map(owner),
    };
    if (matrix) matrixProduct(list, { ...step, source: step.sources[0]! });
    else if (tile) convolveWinograd(list, step, { tile, pad });
    else convolve(list, { ...step, window });
  });
}

/** Writes the gradient of a convolution's filter, summed over the images. Throws `Unplanned` for depthwise ones. */
export function writeFilterGradient(site: Site, node: Node): void {
  const { operation: o } = node;
  if (o.op !== 'filterGradient') throw new Unplanned(o.op, 'no filter gradient');
  if (o.depthwise) throw new Unplanned('a depthwise convolution', 'a filter that trains');
  const [x, dy] = node.inputs as [Node, Node];
  const [read, gradient] = [site.read(x), site.plain(dy)];
  const out = site.room(node);
  const window = { kernel: o.kernel, stride: o.stride, pad: o.pad };
  site.calls([...read.rooms, ...gradient.rooms, out], (list) =>
    filterGradient(list, {
      sources: read.sources(),
      prologue: read.prologue(),
      window,
      dy: gradient.sources()[0]!,
      out: out.at,
    }),
  );
}

/** Linear layers and their gradients: products over the images of a batch. */
export function writeLinear(site: Site, filters: Filters, node: Node): void {
  const { operation: o } = node;
  const out = site.room(node);
  if (o.op === 'outer') {
    const [a, b] = node.inputs as [Node, Node];
    site.calls([site.room(a), site.room(b), out], (list) =>
      filterGradient(list, {
        sources: [site.map(b)],
        window: { kernel: 1, stride: 1, pad: 0 },
        dy: site.map(a),
        out: out.at,
      }),
    );
    return;
  }
  const [v, weight, bias] = node.inputs as [Node, Node, Node | undefined];
  const window = { kernel: 1, stride: 1, pad: 0 };
  const filter =
    o.op === 'linear'
      ? site.room(weight)
      : filters.forInputGradient(weight, filterShape(window, node.shape, v.shape), null);
  const biasRoom = bias ? [site.room(bias)] : [];
  site.calls([site.room(v), filter, ...biasRoom, out], (list) =>
    matrixProduct(list, {
      source: site.map(v),
      filter: filter.at,
      epilogue: { bias: biasRoom[0]?.at ?? 0 },
      out: site.map(node),
    }),
  );
}

/** `inputs` and `outputs` as stored, of the convolution whose source and result have these shapes. */
const filterShape = (window: Window, source: Shape, result: Shape): FilterShape => ({
  window,
  inputs: storedChannels(source.channels),
  outputs: storedChannels(result.channels),
});

/** With few channels the transforms cost more than the products; tiles need room. */
function winogradTile(
  { kernel, stride, pad, padEnd, across }: ConvGeometry,
  { inputs, outputs }: FilterShape,
  { height, width }: Shape,
): 2 | 4 | null {
  if (kernel !== 3 || across || stride !== 1 || pad !== padEnd || inputs < 16 || outputs < 16) return null;
  const side = Math.min(height, width);
  return side >= 16 ? 4 : side >= 6 ? 2 : null;
}
