import { InnateError } from '../../../../lib/errors';
import type { CallList, MapAt, PrologueAt } from '../../../../simd/calls/list';
import { pointwise } from '../../../../simd/calls/maps';
import type { Node, Shape } from '../../graph';
import { storedChannels } from '../../steps';
import { Definitions } from '../definitions';
import { Unplanned } from '../executor';
import { Folding } from '../folding';
import { type WholeLayout, WholeLayouts } from '../layouts';
import { publishedPlaces, storedValues } from './layout';
import { type Room, Works } from './works';

/** What a call reads of a node: maps and what is done to them as they are read. Rooms have addresses once it is written. */
export interface Reading {
  rooms: readonly Room[];
  sources: () => MapAt[];
  prologue: () => PrologueAt;
}

/** Reads a node through its norm, where there is one: `norms.ts` gives it. */
export type ReadNormed = (node: Node) => Reading | null;

/** Leaves that several steps share, by name: where each lies, and how. */
export type SharedState = Map<string, { room: Room; layout: WholeLayout }>;

/** Rooms of what several steps make of frozen leaves: the first one makes it for all. */
export type SharedForms = Map<string, Room>;

/** What of a recorded step is executed, for a batch of so many images. */
export interface SiteGraph {
  nodes: readonly Node[];
  wanted: readonly Node[];
  /** State that takes over another node's value, and that node. */
  carried: ReadonlyMap<Node, Node>;
  batch: number;
  /** Names of the state that some step changes. */
  moving: ReadonlySet<string>;
  /** Nodes that are others once more. */
  twins: ReadonlySet<Node>;
}

/** A program in the making: the rooms of its values, and the ways in which they are read. */
export class Site {
  readonly works = new Works();
  readonly folding: Folding;
  readonly layouts: WholeLayouts;
  readonly definitions: Definitions;
  readonly batch: number;
  readonly twins: ReadonlySet<Node>;
  readNormed: ReadNormed = () => null;
  /** Tables that are written once, before the first run. */
  readonly tables: { room: Room; words: () => Int32Array | Uint32Array }[] = [];
  private readonly rooms = new Map<Node, Room>();
  /** By layout: many leaves lie alike. */
  private readonly places = new Map<string, Int32Array>();
  private readonly moving: ReadonlySet<string>;

  /** `moving`: state that some step changes; `state`: leaves that lie in memory already. */
  constructor(
    { nodes, wanted, carried, batch, moving, twins }: SiteGraph,
    private readonly state: SharedState,
    /** What is made of frozen leaves, by leaf and form. */
    readonly forms: SharedForms,
  ) {
    this.folding = new Folding(nodes, wanted);
    this.layouts = new WholeLayouts(this.folding.readers, carried, (name) => state.get(name)?.layout);
    this.definitions = new Definitions(batch);
    this.batch = batch;
    this.moving = moving;
    this.twins = twins;
  }

  /** State that no step changes: what is made of it is made once. */
  frozen({ operation: o }: Node): boolean {
    return o.op === 'parameter' && !this.moving.has(o.name);
  }

  /** Where a node's value lies. Updates lie where the state does that they change. */
  room(node: Node): Room {
    let room = this.rooms.get(node);
    if (!room) {
      const { operation: o } = node;
      room =
        o.op === 'adam' || o.op === 'blend'
          ? this.room(node.inputs[0]!)
          : ((o.op === 'parameter' ? this.state.get(o.name)?.room : undefined) ??
            this.works.room(this.values(node), o.op === 'parameter'));
      this.rooms.set(node, room);
    }
    return room;
  }

  /** The room that a node's value is written to is another one's. */
  share(node: Node, room: Room): void {
    this.rooms.set(node, room);
  }

  /** Float32 values as stored. */
  values(node: Node): number {
    const { shape } = node;
    if (shape.whole) return storedValues(this.layouts.of(node));
    return this.batch * pixels(shape) * storedChannels(shape.channels);
  }

  /** A value as the kernels see it; a vector is a map of one row with a column for each image, a whole one has one. */
  map(node: Node, room = this.room(node)): MapAt {
    const { height, width, channels, whole } = node.shape;
    const stored = storedChannels(channels);
    return height === 0
      ? { at: room.at, images: 1, height: 1, width: whole ? 1 : this.batch, channels: stored }
      : { at: room.at, images: this.batch, height, width, channels: stored };
  }

  /** Reads a node as it is or through its norm. */
  read(node: Node): Reading {
    return this.readNormed(node) ?? this.plain(node);
  }

  /** Reads a node as a map of its own, which is made for this reader where the value exists only through a norm. */
  plain(node: Node): Reading {
    const normed = this.readNormed(node);
    if (!normed) return { rooms: [this.room(node)], sources: () => [this.map(node)], prologue: () => ({}) };
    const made = this.works.room(this.values(node));
    this.works.add({
      rooms: [...normed.rooms, made],
      once: false,
      calls: (list) =>
        pointwise(list, {
          sources: normed.sources(),
          prologue: normed.prologue(),
          out: this.map(node, made),
        }),
    });
    return { rooms: [made], sources: () => [this.map(node, made)], prologue: () => ({}) };
  }

  calls(rooms: readonly Room[], calls: (list: CallList) => void, once = false): void {
    this.works.add({ rooms, once, calls });
  }

  /** A node by its definition, on the host: for small values. */
  host(node: Node): void {
    const inputs = node.inputs.map((input) => ({ input, room: this.room(input) }));
    const out = this.room(node);
    this.works.add({
      rooms: [...inputs.map(({ room }) => room), out],
      once: false,
      host: (memory) =>
        this.store(
          memory,
          node,
          this.definitions.value(
            node,
            inputs.map(({ input }) => this.load(memory, input)),
          ),
        ),
    });
  }

  /** A node's value as published, [N, H, W, C] or whole. */
  load(memory: ArrayBufferLike, node: Node): Float64Array {
    const stored = new Float32Array(memory, this.room(node).at, this.values(node));
    const out = new Float64Array(this.definitions.size(node.shape));
    if (node.shape.whole) {
      const places = this.publishedPlaces(node);
      for (let i = 0; i < places.length; i++) if (places[i]! >= 0) out[places[i]!] = stored[i]!;
      return out;
    }
    const [channels, width] = this.channels(node);
    for (let i = 0; i < out.length; i++) out[i] = stored[Math.floor(i / channels) * width + (i % channels)]!;
    return out;
  }

  /** The other way; channels that only pad become zero. */
  store(memory: ArrayBufferLike, node: Node, values: ArrayLike<number>): void {
    if (values.length !== this.definitions.size(node.shape))
      throw new InnateError('mismatch', 'a value does not fit the plan', {
        where: JSON.stringify(node.operation),
        expected: `${this.definitions.size(node.shape)} values`,
        found: String(values.length),
      });
    const stored = new Float32Array(memory, this.room(node).at, this.values(node));
    if (node.shape.whole) {
      const places = this.publishedPlaces(node);
      for (let i = 0; i < places.length; i++) stored[i] = places[i]! < 0 ? 0 : values[places[i]!]!;
      return;
    }
    const [channels, width] = this.channels(node);
    if (width !== channels) stored.fill(0);
    for (let i = 0; i < values.length; i++)
      stored[Math.floor(i / channels) * width + (i % channels)] = values[i]!;
  }

  private channels({ shape: { channels }, attentionHeads, operation }: Node): [number, number] {
    if (attentionHeads) throw new Unplanned(operation.op, 'a computation of the host on q, k and v');
    return [channels, storedChannels(channels)];
  }

  private publishedPlaces(node: Node): Int32Array {
    const layout = this.layouts.of(node);
    const key = JSON.stringify([layout, node.shape.channels]);
    let places = this.places.get(key);
    if (!places) {
      places = publishedPlaces(layout, node.shape.channels);
      this.places.set(key, places);
    }
    return places;
  }
}

/** Pixels of a map; a vector counts as one. */
export const pixels = ({ height, width }: Shape): number => Math.max(1, height * width);

/** A node's values as pixels of a few channels, for calls that look at no neighbours. */
export function rowAt(site: Site, node: Node, at: number): MapAt {
  const count = site.values(node);
  const channels = [64, 16, 4].find((c) => count % c === 0) ?? 4;
  return { at, images: 1, height: 1, width: count / channels, channels };
}
