import { attention, attentionGradient, keyValues } from '../../../../simd/calls/attention';
import { attentionTangent } from '../../../../simd/calls/attention-tangent';
import { activate, activationGradient, banded, pointwise, slice, sumRows } from '../../../../simd/calls/maps';
import { adam, blend, squares } from '../../../../simd/calls/optimiser';
import { GELU_ACTIVATION, NONE, SILU_ACTIVATION } from '../../../../simd/record';
import type { Node } from '../../graph';
import type { Operation } from '../../operations';
import { storedChannels } from '../../steps';
import { axesOf, axisTable, type Resampling } from '../axes';
import { alone } from '../folding';
import { ACTIVATIONS, Filters, writeConvolution, writeFilterGradient, writeLinear } from './convolutions';
import { HeadWorks } from './heads';
import { Norms } from './norms';
import { PRODUCTS, writeBroadcast, writeMaxPool, writeProduct, writeUnit } from './products';
import { pixels, rowAt, type Site } from './site';
import type { Room } from './works';

/** Bytes of the numbers that a side's Adam reads, and what they are made of: its inputs. */
export interface StepNumbersRoom {
  room: Room;
  rates: Node;
  share: Node | null;
  beta2: number;
  eps: number;
}

/** Values of a flat elementwise call's task in calls/list.ts: one float64 of `squares` for each. */
const SQUARES_A_TASK = 1 << 14;

/** Writes the works of a step: a node at a time, in the order of recording. */
export class Compiler {
  readonly numbers = new Map<string, StepNumbersRoom>();
  /** Rooms of float64 partial sums that `squares` nodes are the sums of. */
  readonly partials = new Map<Node, { room: Room; count: number }>();
  private readonly norms: Norms;
  private readonly heads: HeadWorks;
  private readonly filters: Filters;
  private readonly tables = new Map<string, { room: Room; taps: number }>();

  constructor(private readonly site: Site) {
    this.norms = new Norms(site);
    this.heads = new HeadWorks(site);
    this.filters = new Filters(site);
    site.readNormed = (node) => this.norms.read(node);
  }

  /** `late`: nodes that only a report reads; they are computed on the host after the run. */
  write(late: ReadonlySet<Node>): void {
    const { folding } = this.site;
    for (const node of folding.needed) {
      const plan = folding.normGradients.get(node);
      const ending = folding.endings.get(node);
      if (plan) this.norms.writeGradients(plan);
      else if (ending) writeConvolution(this.site, this.filters, node, ending);
      else if (!folding.folded.has(node) && !late.has(node)) this.node(node);
    }
  }

  private node(node: Node): void {
    const write = this.writers[node.operation.op] as Writer<Operation['op']> | undefined;
    if (write) write(node, node.operation);
    else this.site.host(node);
  }

  /** What has none is small, and computed on the host by its definition. */
  private readonly writers: { readonly [K in Operation['op']]?: Writer<K> } = {
    input: (node) => void this.site.room(node),
    parameter: (node) => void this.site.room(node),
    conv2d: (node) => this.convolution(node),
    convTransposed: (node) => this.convolution(node),
    filterGradient: (node) => writeFilterGradient(this.site, node),
    linear: (node) => writeLinear(this.site, this.filters, node),
    linearTransposed: (node) => writeLinear(this.site, this.filters, node),
    outer: (node) => writeLinear(this.site, this.filters, node),
    groupNorm: (node, o) => (o.over === 'batch' ? this.norms.writeBatchNorm(node) : undefined),
    normTangent: (node) => this.norms.writeTangent(node),
    batchNormCurvature: (node, o) => this.norms.writeBatchCurvature(node, o.eps),
    timesChannels: (node) => writeProduct(this.site, node, PRODUCTS.timesChannels),
    modulate: () => {}, // where it is read, as its norm is
    silu: (node) => (this.site.folding.normed(node) ? undefined : this.activate(node, SILU_ACTIVATION)),
    activate: (node, o) => this.activate(node, ACTIVATIONS[o.kind]),
    activateGradient: (node, o) => this.slope(node, ACTIVATIONS[o.kind]),
    siluGradient: (node) => this.slope(node, SILU_ACTIVATION),
    gelu: (node) => this.activate(node, GELU_ACTIVATION),
    geluGradient: (node) => this.slope(node, GELU_ACTIVATION),
    add: (node) => this.flat(node, 1, node.inputs[1]!),
    scale: (node, o) => this.flat(node, o.factor, null),
    slice: (node, o) => (sliceable(node, o.from) ? this.slice(node, o.from) : this.site.host(node)),
    concat: (node) =>
      node.inputs[0]!.shape.channels % 4 === 0 && node.shape.height > 0
        ? this.ended(node)
        : this.site.host(node),
    constant: (node, o) => this.constant(node, o.value),
    broadcast: (node) => writeBroadcast(this.site, node),
    dotVector: (node) => writeProduct(this.site, node, PRODUCTS.dotVector),
    outerVector: (node) => writeProduct(this.site, node, PRODUCTS.outerVector),
    timesVector: (node) => writeProduct(this.site, node, PRODUCTS.timesVector),
    shiftAndCut: (node, o) =>
      writeProduct(this.site, node, o.transposed ? PRODUCTS.shiftBack : PRODUCTS.shift),
    unit: (node, o) => writeUnit(this.site, node, o),
    unitGradient: (node, o) => writeUnit(this.site, node, o),
    timesOnePlus: (node) => writeProduct(this.site, node, PRODUCTS.timesOnePlus),
    pixelDot: (node) => writeProduct(this.site, node, PRODUCTS.pixelDot),
    total: (node) => writeProduct(this.site, node, PRODUCTS.total),
    maxPool: (node, o) => writeMaxPool(this.site, node, o),
    maxPoolGradient: (node) => writeProduct(this.site, node, PRODUCTS.maxPoolGradient),
    maxPoolTangent: (node) => writeProduct(this.site, node, PRODUCTS.maxPoolTangent),
    addVector: (node) => this.ended(node),
    addBias: (node) => this.ended(node),
    attention: (node, o) => this.attention(node, o.heads),
    attentionGradient: (node, o) => this.attentionGradient(node, o.heads),
    attentionTangent: (node, o) => this.attentionTangent(node, o.heads),
    resize: (node, o) => this.resample(node, o),
    downsample: (node, o) => this.resample(node, o),
    upsample: (node, o) => this.resample(node, o),
    pixelsFrom: (node, o) => this.resample(node, o),
    amongPixels: (node, o) => this.resample(node, o),
    addMap: (node) => this.addMap(node),
    pixelSum: (node) => this.sums(node, this.site.batch, pixels(node.inputs[0]!.shape)),
    imageSum: (node) => this.sums(node, 1, this.site.batch),
    squares: (node) => this.squares(node),
    powerV: (node) => void this.site.room(node), // with the weight that is normalised
    powerU: (node) => void this.site.room(node),
    spectralNorm: (node) => this.heads.spectralNorm(node),
    spectralGradient: (node) => this.heads.spectralGradient(node),
    deviation: (node) => this.heads.deviation(node),
    deviationGradient: (node) => this.heads.deviationGradient(node),
    adam: (node, o) => this.adam(node, o),
    blend: (node) => this.blend(node),
  };

  private constant(node: Node, value: number): void {
    const room = this.site.works.room(4, true);
    this.site.share(node, room);
    const words = new Uint32Array(Float32Array.of(value, 0, 0, 0).buffer);
    this.site.tables.push({ room, words: () => words });
  }

  private convolution(node: Node): void {
    writeConvolution(this.site, this.filters, node, alone(node));
  }

  private activate(node: Node, activation: number): void {
    const { site } = this;
    const read = site.plain(node.inputs[0]!);
    const out = site.room(node);
    site.calls([...read.rooms, out], (list) =>
      activate(list, { count: site.values(node), source: read.rooms[0]!.at, activation, out: out.at }),
    );
  }

  /** [what tells the derivative, dy]. */
  private slope(node: Node, activation: number): void {
    const { site } = this;
    const [told, dy] = node.inputs.map((input) => site.plain(input).rooms[0]!) as [Room, Room];
    const out = site.room(node);
    site.calls([told, dy, out], (list) =>
      activationGradient(list, {
        count: site.values(node),
        source: told.at,
        dy: dy.at,
        activation,
        out: out.at,
      }),
    );
  }

  private flat(node: Node, scale: number, residual: Node | null): void {
    const { site } = this;
    const read = site.plain(node.inputs[0]!);
    const other = residual ? site.plain(residual) : null;
    const out = site.room(node);
    site.calls([...read.rooms, ...(other?.rooms ?? []), out], (list) =>
      slice(list, {
        source: rowAt(this.site, node, read.rooms[0]!.at),
        from: 0,
        residual: other ? other.rooms[0]!.at : 0,
        scale,
        out: rowAt(this.site, node, out.at),
      }),
    );
  }

  /** One map for all images: a call for each. */
  private addMap(node: Node): void {
    const { site } = this;
    const [x, map] = node.inputs as [Node, Node];
    const [read, added] = [site.plain(x), site.room(map)];
    const out = site.room(node);
    const values = site.values(node) / site.batch;
    site.calls([...read.rooms, added, out], (list) => {
      for (let image = 0; image < site.batch; image++) {
        const own = (at: number) => ({ ...rowAt(site, node, at + 4 * image * values), width: 0 });
        const row = (at: number) => ({ ...own(at), width: values / own(at).channels });
        slice(list, { source: row(read.rooms[0]!.at), from: 0, residual: added.at, out: row(out.at) });
      }
    });
  }

  private slice(node: Node, from: number): void {
    const { site } = this;
    const read = site.plain(node.inputs[0]!);
    const out = site.room(node);
    site.calls([...read.rooms, out], (list) =>
      slice(list, { source: read.sources()[0]!, from, out: site.map(node) }),
    );
  }

  /** Joins, and sums that follow no convolution. */
  private ended(node: Node): void {
    const { site } = this;
    const { op } = node.operation;
    const [a, b] = node.inputs as [Node, Node];
    const reads = (op === 'concat' ? [a, b] : [a]).map((input) => site.plain(input));
    const other = op === 'concat' ? null : site.room(b);
    const out = site.room(node);
    site.calls([...reads.flatMap(({ rooms }) => rooms), ...(other ? [other] : []), out], (list) =>
      pointwise(list, {
        sources: reads.flatMap(({ sources }) => sources()),
        epilogue: {
          bias: op === 'addBias' ? other!.at : 0,
          vector:
            op === 'addVector' ? { at: other!.at, stride: 4 * storedChannels(b.shape.channels) } : undefined,
          activation: NONE,
        },
        out: site.map(node),
      }),
    );
  }

  private attention(node: Node, heads: number): void {
    const { site } = this;
    const qkv = site.room(node.inputs[0]!);
    const out = site.room(node);
    const keys = site.works.room(keyValues(site.map(node)));
    site.calls([qkv, keys, out], (list) =>
      attention(list, { qkv: qkv.at, heads, keys: keys.at, out: site.map(node) }),
    );
  }

  private attentionGradient(node: Node, heads: number): void {
    const { site } = this;
    const [qkv, dy] = node.inputs as [Node, Node];
    const [room, read, out] = [site.room(qkv), site.plain(dy), site.room(node)];
    site.calls([room, ...read.rooms, out], (list) =>
      attentionGradient(list, { qkv: room.at, heads, dy: read.sources()[0]!, out: out.at }),
    );
  }

  private attentionTangent(node: Node, heads: number): void {
    const { site } = this;
    const [qkv, along] = node.inputs.map((input) => site.room(input)) as [Room, Room];
    const out = site.room(node);
    site.calls([qkv, along, out], (list) =>
      attentionTangent(list, { qkv: qkv.at, heads, along: along.at, out: site.map(node) }),
    );
  }

  private resample(node: Node, operation: Resampling): void {
    const { site } = this;
    const source = node.inputs[0]!;
    const read = site.plain(source);
    const out = site.room(node);
    const axis = (size: number, result: number) => this.table(operation, size, result);
    const [from, to] = [axesOf(operation, source.shape), axesOf(operation, node.shape)];
    const [rows, columns] = [axis(from.height, to.height), axis(from.width, to.width)];
    site.calls([...read.rooms, rows.room, columns.room, out], (list) =>
      banded(list, {
        source: { ...read.sources()[0]!, ...from },
        rows: { at: rows.room.at, taps: rows.taps },
        columns: { at: columns.room.at, taps: columns.taps },
        out: { ...site.map(node), ...to },
      }),
    );
  }

  /** The matrix of one axis in memory, once. */
  private table(operation: Resampling, size: number, result: number): { room: Room; taps: number } {
    const key = JSON.stringify([operation, size, result]);
    let table = this.tables.get(key);
    if (!table) {
      const { taps, words } = axisTable(operation, size, result);
      const room = this.site.works.room(words.length, true);
      this.site.tables.push({ room, words: () => words });
      table = { room, taps };
      this.tables.set(key, table);
    }
    return table;
  }

  private sums(node: Node, images: number, rows: number): void {
    const { site } = this;
    const [x] = node.inputs as [Node];
    const read = site.plain(x);
    const out = site.room(node);
    const channels = storedChannels(x.shape.channels);
    site.calls([...read.rooms, out], (list) =>
      sumRows(list, {
        source: read.rooms[0]!.at,
        images,
        rows,
        channels,
        out: { at: out.at, stride: 4 * channels },
      }),
    );
  }

  private squares(node: Node): void {
    const { site } = this;
    const source = site.room(node.inputs[0]!);
    const values = site.values(node.inputs[0]!);
    const count = Math.ceil(values / SQUARES_A_TASK);
    const room = site.works.room(2 * count, true);
    this.partials.set(node, { room, count });
    site.calls([source, room], (list) => squares(list, { source: source.at, count: values, out: room.at }));
  }

  /** With the average of the parameter, where it has one. */
  private adam(node: Node, o: { beta2: number; eps: number }): void {
    const { site } = this;
    const { inputs } = node;
    const [parameter, gradient, second, rates] = inputs as [Node, Node, Node, Node];
    const blend = this.averageOf(node);
    const average = blend ? site.room(blend.inputs[0]!) : null;
    const numbers = this.numbersOf(rates, blend?.inputs[2] ?? null, o);
    const rooms = [parameter, gradient, second].map((n) => site.room(n)) as [Room, Room, Room];
    site.calls([...rooms, numbers, ...(average ? [average] : [])], (list) =>
      adam(list, {
        count: site.values(parameter),
        parameters: rooms[0].at,
        gradients: rooms[1].at,
        secondMoments: rooms[2].at,
        averages: average?.at ?? 0,
        numbers: numbers.at,
      }),
    );
  }

  /** One average of a parameter comes with its Adam. */
  private averageOf(adam: Node): Node | undefined {
    return this.site.folding.readers.get(adam)?.find(({ operation }) => operation.op === 'blend');
  }

  /** Where it does not come with its parameter's Adam. */
  private blend(node: Node): void {
    const { site } = this;
    const [average, value, share] = node.inputs as [Node, Node, Node];
    if (value.operation.op === 'adam' && this.averageOf(value) === node) return;
    const rooms = [average, value, share].map((n) => site.room(n)) as [Room, Room, Room];
    site.calls(rooms, (list) =>
      blend(list, {
        averages: rooms[0].at,
        values: rooms[1].at,
        count: site.values(average),
        share: rooms[2].at,
      }),
    );
  }

  private numbersOf(rates: Node, share: Node | null, { beta2, eps }: { beta2: number; eps: number }): Room {
    const key = `${rates.id} ${share?.id}`;
    let numbers = this.numbers.get(key);
    if (!numbers) {
      numbers = { room: this.site.works.room(8, true), rates, share, beta2, eps };
      this.numbers.set(key, numbers);
    }
    return numbers.room;
  }
}

/** Whole groups of four channels, or the last ones, behind which lie zeros. */
const sliceable = ({ shape, inputs }: Node, from: number): boolean =>
  from % 4 === 0 && (shape.channels % 4 === 0 || from + shape.channels === inputs[0]!.shape.channels);

type Writer<K extends Operation['op']> = (node: Node, operation: Extract<Operation, { op: K }>) => void;
