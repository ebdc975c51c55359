import {
  SPECTRAL_FIELDS,
  spectralAlong,
  spectralColumns,
  spectralGradient,
  spectralNormalise,
  spectralRows,
} from '../../../../gpu/kernels/spectral';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import { aligned, type Room, type View, wholeView } from './program';
import type { Site } from './site';

/** Workgroups of a layer. */
const SHARES = { software: 4, hardware: 32 };

/** All layers that are normalised for the same forward pass, their weights in one panel. */
interface Pass {
  nodes: Node[];
  table: View;
  normalised: Room;
  /** t and s of the power iteration as they come, and the power vectors. */
  rows: View;
  columns: View;
  /** Gradients of the normalised weights, as the panel lies; null where nothing asks for them. */
  gradient: View | null;
  /** Nodes of spectralGradient that have not been met. */
  waiting: Set<Node>;
}

/** Spectral normalisation: one power iteration of all layers a pass, before the first of them is read. */
export class Spectral {
  private readonly passes = new Map<Node, Pass>();
  /** Gradients' rooms that a pass has written to. */
  private readonly begun = new Set<Room>();

  constructor(private readonly site: Site) {
    const found = new Map<number, Node[]>();
    for (const node of site.folding.needed)
      if (node.operation.op === 'spectralNorm') {
        const depth = depthOf(node);
        found.set(depth, [...(found.get(depth) ?? []), node]);
      }
    let state: Room | null = null;
    for (const [, nodes] of [...found].sort(([a], [b]) => a - b)) state = this.plan(nodes, state);
  }

  /** Normalises all layers of a node's pass, where it is the first of them. */
  normalise(node: Node): void {
    const { site } = this;
    const pass = this.passes.get(node)!;
    if (pass.nodes[0] !== node) return;
    const { reducers, subgroupReduce } = site.options.traits;
    const weights = wholeView(site.view(node.inputs[0]!).room);
    const before = wholeView(site.view(powerBefore(node)).room);
    const layers = pass.nodes.length;
    const shares = site.options.software ? SHARES.software : SHARES.hardware;
    const product = [16 * shares, layers, 1] as const;
    const sums = site.program.value(pass.columns.bytes / 4);
    site.emit({
      kernel: spectralRows(reducers, subgroupReduce),
      operands: [pass.table, weights, before, pass.rows],
      uniforms: { layers },
      grid: product,
    });
    site.emit({
      kernel: spectralColumns(16, site.options.software ? 1 : 16),
      operands: [pass.table, weights, pass.rows, sums],
      uniforms: { layers },
      grid: [shares, layers, 1],
    });
    site.emit({
      kernel: spectralNormalise(reducers, subgroupReduce),
      operands: [pass.table, weights, pass.rows, sums, wholeView(pass.normalised), pass.columns],
      uniforms: { layers },
      grid: [shares, layers, 1],
    });
    this.sums.set(pass, sums);
  }

  /** The gradients of all weights of a pass, where the last of them is met. */
  gradient(node: Node): void {
    const { site } = this;
    const normalised = this.normOf(node);
    const pass = this.passes.get(normalised)!;
    pass.waiting.delete(node);
    if (pass.waiting.size > 0) return;
    const { reducers, subgroupReduce } = site.options.traits;
    const layers = pass.nodes.length;
    const parts = site.options.software ? SHARES.software : SHARES.hardware;
    const along = site.program.value(layers * parts);
    const out = site.view(node).room;
    site.emit({
      kernel: spectralAlong(reducers, subgroupReduce),
      operands: [pass.table, wholeView(pass.normalised), pass.gradient, along],
      uniforms: { layers },
      grid: [parts, layers, 1],
    });
    site.emit({
      kernel: spectralGradient(reducers, subgroupReduce),
      operands: [pass.table, pass.gradient, along, pass.rows, this.sums.get(pass)!, wholeView(out)],
      uniforms: { parts, accumulate: this.begun.has(out) ? 1 : 0 },
      grid: [parts, layers, 1],
    });
    this.begun.add(out);
  }

  private readonly sums = new Map<Pass, View>();

  /** Lays out a pass; `state`: where the power vectors lie that last from step to step. */
  private plan(nodes: Node[], state: Room | null): Room {
    const { site } = this;
    const { program } = site;
    const room = site.view(nodes[0]!.inputs[0]!).room;
    let [rowsAt, columnsAt] = [0, 0];
    const words: number[] = [];
    const vectors: [Node, number, number][] = [];
    for (const node of nodes) {
      const [weight, u] = node.inputs as [Node, Node];
      const layout = site.layouts.of(weight);
      const view = site.view(weight);
      if (layout.kind !== 'filter' || view.room !== room || !room.kept)
        throw new Unplanned('spectral norm', 'weights that do not train together');
      const rows = layout.taps * storedChannels(layout.inputs);
      const columns = storedChannels(layout.outputs);
      words.push(view.offset / 4, rows, columns, rowsAt, columnsAt);
      vectors.push([u, columnsAt, columns]);
      rowsAt += aligned(4 * rows) / 4;
      columnsAt += aligned(4 * columns) / 4;
    }
    if (words.length !== nodes.length * SPECTRAL_FIELDS) throw new Unplanned('spectral norm', 'a table');
    const first = site.views.get(powerBefore(nodes[0]!));
    const kept = state ?? first?.room ?? program.room(columnsAt, true);
    const columns = program.value(columnsAt);
    const normalised = program.room(room.bytes / 4);
    const gradients = nodes.flatMap((node) =>
      (site.folding.readers.get(node.inputs[1]!) ?? []).filter(
        ({ operation: { op }, inputs }) => op === 'spectralGradient' && inputs[1] === node.inputs[1],
      ),
    );
    const gradient = gradients.length > 0 ? program.value(room.bytes / 4) : null;
    if (gradient && gradients.length !== nodes.length)
      throw new Unplanned('spectral norm', 'a pass that trains in part');
    const pass: Pass = {
      nodes,
      table: program.table(Uint32Array.from(words)),
      normalised,
      rows: program.value(rowsAt),
      columns,
      gradient,
      waiting: new Set(gradients),
    };
    for (const [i, node] of nodes.entries()) {
      const { offset, bytes } = site.view(node.inputs[0]!);
      const [u, at, count] = vectors[i]!;
      site.views.set(node, { room: normalised, offset, bytes });
      site.views.set(u, { room: columns.room, offset: 4 * at, bytes: 4 * count });
      const before = powerBefore(node);
      if (before.operation.op === 'parameter') {
        const shared = site.views.get(before);
        if (shared && (shared.room !== kept || shared.offset !== 4 * at))
          throw new Unplanned('spectral norm', 'layers in another order than in the step before');
        site.views.set(before, { room: kept, offset: 4 * at, bytes: 4 * count });
      }
      this.passes.set(node, pass);
    }
    if (gradient)
      for (const node of gradients) {
        const { offset, bytes } = site.view(node.inputs[0]!);
        site.views.set(node.inputs[3]!, { room: gradient.room, offset, bytes });
      }
    return kept;
  }

  private normOf(gradient: Node): Node {
    const [, u] = gradient.inputs;
    for (const node of this.passes.keys()) if (node.inputs[1] === u) return node;
    throw new Unplanned('spectral norm', 'a gradient without its forward pass');
  }
}

/** The power vector that a normalisation begins with. */
const powerBefore = (node: Node): Node => node.inputs[2]!.inputs[1]!;

/** How often the weight has been normalised before in the step. */
function depthOf(node: Node): number {
  let depth = 0;
  for (let at = powerBefore(node); at.operation.op === 'powerU'; at = at.inputs[1]!.inputs[1]!) depth++;
  return depth;
}
