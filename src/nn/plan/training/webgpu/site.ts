import { linearGrid } from '../../../../gpu/kernels/grid';
import type { KernelTraits } from '../../../../gpu/traits';
import { InnateError } from '../../../../lib/errors';
import type { Node, Shape } from '../../graph';
import { storedChannels } from '../../steps';
import { Definitions } from '../definitions';
import { Unplanned } from '../executor';
import { Folding } from '../folding';
import { type WholeLayout, WholeLayouts } from '../layouts';
import { publishedPlaces, storedValues } from './layout';
import { Panels } from './panels';
import { asStored, type Call, Program, type Room, type View } from './program';

/** What several steps share. */
export interface SharedState {
  /** Leaves by name: where each lies, and how. */
  leaves: Map<string, { view: View; layout: WholeLayout }>;
  /** Where the gradients of parameters are computed, by the parameters' own room. */
  gradients: Map<Room, Room>;
  /** Transformed frozen filters by their name and form. */
  filters: Map<string, View>;
}

/** What of a recorded step is executed, for a batch of so many images. */
export interface SiteGraph {
  nodes: readonly Node[];
  wanted: readonly Node[];
  /** State that takes over another node's value, and that node. */
  carried: ReadonlyMap<Node, Node>;
  /** Of `Iteration`. */
  moving: ReadonlySet<string>;
  sums: ReadonlyMap<string, string>;
  /** Nodes that are others once more. */
  twins: ReadonlySet<Node>;
  batch: number;
}

export interface SiteOptions {
  traits: KernelTraits;
  /** A CPU pretending to be a GPU: little runs side by side. */
  software: boolean;
  /** Largest storage binding of the device. */
  maxBinding: number;
  /** Mixed precision: maps of the forward pass are stored as float16, and convolutions multiply it. Needs shader-f16. */
  mixed: boolean;
}

/** A value's elements as kernels count them: of a vector a pixel for each image, of something whole one pixel. */
export interface Extent {
  images: number;
  /** Of one image. */
  pixels: number;
  channels: number;
  stored: number;
}

/** A program in the making: where the values of nodes lie. */
export class Site {
  readonly program = new Program();
  readonly folding: Folding;
  readonly layouts: WholeLayouts;
  readonly definitions: Definitions;
  readonly panels: Panels;
  readonly views = new Map<Node, View>();
  /** Writes a node that has no memory yet because nothing had to read it there. */
  materialise: (node: Node) => View = (node) => {
    throw new Unplanned(node.operation.op, 'a value that was not computed');
  };
  /** Maps that are stored as float16, and the power of two that they are multiplied with. */
  halves: ReadonlyMap<Node, number> = new Map();
  private readonly places = new Map<Node, Int32Array>();
  readonly batch: number;
  readonly moving: ReadonlySet<string>;
  readonly twins: ReadonlySet<Node>;

  /** `state`: what lies in memory already. */
  constructor(
    { nodes, wanted, carried, moving, sums, twins, batch }: SiteGraph,
    readonly options: SiteOptions,
    readonly state: SharedState,
  ) {
    this.batch = batch;
    this.moving = moving;
    this.twins = twins;
    this.folding = new Folding(nodes, wanted);
    this.layouts = new WholeLayouts(this.folding.readers, carried, (name) => state.leaves.get(name)?.layout);
    this.definitions = new Definitions(batch);
    for (const node of nodes) {
      const { operation: o } = node;
      const known = o.op === 'parameter' ? state.leaves.get(o.name) : undefined;
      if (known) this.views.set(node, known.view);
    }
    this.panels = new Panels(this, { moving, sums, gradients: state.gradients });
  }

  /** Float32 values as stored. */
  values(node: Node): number {
    if (node.shape.whole) return storedValues(this.layouts.of(node));
    const { images, pixels, stored } = this.extent(node);
    return images * pixels * stored;
  }

  extent(node: Node): Extent {
    const { shape } = node;
    if (shape.whole) {
      const count = storedValues(this.layouts.of(node));
      return { images: 1, pixels: 1, channels: count, stored: count };
    }
    return {
      images: this.batch,
      pixels: pixels(shape),
      channels: shape.channels,
      stored: storedChannels(shape.channels),
    };
  }

  /** Where a node's value can be read. */
  view(node: Node): View {
    return (
      this.views.get(node) ??
      (node.inputs.length === 0 && node.operation.op !== 'constant'
        ? this.place(node)
        : this.materialise(node))
    );
  }

  /** Where a node's value is to be written. */
  place(node: Node): View {
    let view = this.views.get(node);
    if (!view) {
      const { program } = this;
      const power = this.halves.get(node);
      if (node.operation.op === 'parameter') view = program.pooled(this.values(node));
      else if (power !== undefined) view = program.halves(this.values(node), power);
      else view = program.value(this.values(node));
      this.views.set(node, view);
    }
    return view;
  }

  emit(call: Call): void {
    this.program.calls.push(asStored(call));
  }

  /** A call with one thread for each of `total`, 64 a workgroup. */
  elements(call: Omit<Call, 'grid'>, total: number): void {
    this.emit(oneEach(call, total));
  }

  /** The same, made when state is written: it reads frozen leaves and writes what is kept. */
  setup(call: Omit<Call, 'grid'>, total: number): void {
    this.program.setup.push(oneEach(call, total));
  }

  /** A value as published, [N, H, W, C] or whole, from what is stored. */
  load(node: Node, stored: Float32Array): Float64Array {
    const out = new Float64Array(this.definitions.size(node.shape));
    if (node.shape.whole) {
      for (const [i, place] of this.publishedPlaces(node).entries()) if (place >= 0) out[place] = stored[i]!;
      return out;
    }
    const { channels, stored: width } = this.extent(node);
    for (let i = 0; i < out.length; i++) out[i] = stored[Math.floor(i / channels) * width + (i % channels)]!;
    return out;
  }

  /** The other way; channels that only pad become zero. Throws where the count is another one. */
  store(node: Node, values: ArrayLike<number>): Float32Array<ArrayBuffer> {
    const expected = this.definitions.size(node.shape);
    if (values.length !== expected)
      throw new InnateError('mismatch', 'a value does not fit the plan', {
        where: JSON.stringify(node.operation),
        expected: `${expected} values`,
        found: String(values.length),
      });
    const stored = new Float32Array(Math.max(4, this.values(node)));
    if (node.shape.whole) {
      for (const [i, place] of this.publishedPlaces(node).entries())
        if (place >= 0) stored[i] = values[place]!;
      return stored;
    }
    const { channels, stored: width } = this.extent(node);
    for (let i = 0; i < values.length; i++)
      stored[Math.floor(i / channels) * width + (i % channels)] = values[i]!;
    return stored;
  }

  private publishedPlaces(node: Node): Int32Array {
    let places = this.places.get(node);
    if (!places) {
      places = publishedPlaces(this.layouts.of(node));
      this.places.set(node, places);
    }
    return places;
  }
}

const oneEach = (call: Omit<Call, 'grid'>, total: number): Call => ({
  ...call,
  uniforms: { total, ...call.uniforms },
  grid: linearGrid(Math.ceil(total / 64)),
});

const pixels = ({ height, width }: Shape): number => Math.max(1, height * width);
