import type { Node } from '../../graph';
import { Unplanned } from '../executor';
import type { Folding } from '../folding';
import { aligned, type Program, type Room, type View } from './program';

/** A row for each image, in float32 values: its place is `base` + image * `stride` + `at`. */
export interface Rows {
  kind: 'rows';
  rows: Room;
  base: number;
  stride: number;
  at: number;
}

/** What adds to a parameter's gradient: a row for each image, added up with all others at once, or values themselves. */
export type Contribution = Rows | { kind: 'values'; view: View; accumulate: boolean };

/** Rows that are added up into part of a panel. */
interface Summed {
  rows: Room;
  count: number;
  /** Float32 values of a row. */
  stride: number;
  gradients: View;
}

interface PanelRooms {
  parameters: Room;
  gradients: Room;
  seconds: Room;
  averages: Room | null;
}

/** Parameters of one network that train, side by side, and their gradients, second moments and averages in the same order. */
export interface Panel extends PanelRooms {
  rates: Node;
  share: Node | null;
  beta2: number;
  eps: number;
  /** Before this node the panel steps, and what its squares are asked by. */
  first: Node;
  squares: readonly Node[];
  summed: Summed[];
}

interface Trained {
  adam: Node;
  parameter: Node;
  gradient: Node;
  second: Node;
  average: Node | null;
  share: Node | null;
  values: number;
  contributions: readonly Node[];
  /** How many rows its gradient is the sum of; 0: it is not made of rows. */
  rows: number;
  /** In float32 values, within its panel. */
  at: number;
}

/** A panel is smaller than this, and than what can be bound. */
const MOST_BYTES = 2 ** 28;

/** The program that panels are part of. */
interface PanelSite {
  readonly folding: Folding;
  readonly program: Program;
  readonly views: Map<Node, View>;
  readonly batch: number;
  readonly options: { maxBinding: number };
  values(node: Node): number;
}

/** Where everything lies that trains: one Adam step and one sum of squares for each panel. */
export class Panels {
  readonly panels: Panel[] = [];
  /** By the node of a gradient, or of a part of it. */
  readonly contributions = new Map<Node, Contribution>();
  /** Nodes that have no call of their own: sums of contributions, Adam, averages, squares. */
  readonly folded = new Set<Node>();
  /** Where each gradient lies. */
  readonly gradients: View[] = [];

  constructor(private readonly site: PanelSite) {
    const { folding, options } = site;
    const sides = new Map<string, Trained[]>();
    for (const node of folding.needed) {
      if (node.operation.op !== 'adam') continue;
      const trained = this.trained(node);
      const key = [node.inputs[3]!.id, trained.share?.id, node.operation.beta2, node.operation.eps].join();
      sides.set(key, [...(sides.get(key) ?? []), trained]);
    }
    for (const side of sides.values())
      for (const part of split(side, Math.min(MOST_BYTES, options.maxBinding))) this.lay(part);
  }

  private trained(adam: Node): Trained {
    const [parameter, gradient, second] = adam.inputs as [Node, Node, Node];
    const blend = this.reads(adam).find(({ operation }) => operation.op === 'blend') ?? null;
    const found = this.partsOf(gradient);
    const summed = found.every((node) => node.operation.op === 'imageSum');
    return {
      adam,
      parameter,
      gradient,
      second,
      average: blend?.inputs[0] ?? null,
      share: blend?.inputs[2] ?? null,
      values: this.site.values(parameter),
      contributions: found,
      rows: summed ? found.reduce((sum, node) => sum + this.rowsOf(node), 0) : 0,
      at: 0,
    };
  }

  /** What a gradient is the sum of, where each part can be written to the panel; else itself. */
  private partsOf(gradient: Node): Node[] {
    const parts: Node[] = [];
    const inner: Node[] = [];
    const visit = (node: Node, top: boolean): boolean => {
      if (!top && this.reads(node).length !== 1) return false;
      const { op } = node.operation;
      if (op === 'add') {
        inner.push(node);
        return node.inputs.every((input) => visit(input, false));
      }
      parts.push(node);
      return PARTS.has(op);
    };
    const own = this.reads(gradient).every(({ operation: { op } }) => op === 'adam' || op === 'squares');
    const kinds = () => new Set(parts.map(({ operation: { op } }) => op === 'imageSum'));
    if (!own || !visit(gradient, true) || kinds().size > 1) return [gradient];
    for (const node of inner) this.folded.add(node);
    return parts;
  }

  private rowsOf(imageSum: Node): number {
    const norm = imageSum.inputs[0]!.inputs[0];
    const { operation: o } = norm ?? imageSum;
    return o.op === 'normSums' && o.over === 'batch' ? 1 : this.site.batch;
  }

  private lay(side: readonly Trained[]): void {
    const ordered = [...side].sort((a, b) => a.rows - b.rows);
    const averaged = ordered.some(({ average }) => average);
    if (averaged && !ordered.every(({ average }) => average))
      throw new Unplanned('an average of a part of the parameters');
    const { operation: o, inputs } = ordered[0]!.adam;
    if (o.op !== 'adam') throw new Unplanned(o.op);
    const panel: Panel = {
      ...(this.shared(ordered) ?? this.laid(ordered, averaged)),
      rates: inputs[3]!,
      share: ordered[0]!.share,
      beta2: o.beta2,
      eps: o.eps,
      first: ordered.reduce((first, { adam }) => (adam.id < first.id ? adam : first), ordered[0]!.adam),
      squares: ordered.flatMap(({ gradient }) =>
        this.reads(gradient).filter(({ operation }) => operation.op === 'squares'),
      ),
      summed: [],
    };
    for (const node of panel.squares) this.folded.add(node);
    for (const entry of ordered) this.placeEntry(panel, entry);
    for (const count of new Set(ordered.map(({ rows }) => rows)))
      if (count > 0) this.placeRows(panel, ordered, count);
    this.panels.push(panel);
  }

  /** Rooms for entries one after the other. */
  private laid(ordered: readonly Trained[], averaged: boolean): PanelRooms {
    const { program } = this.site;
    let bytes = 0;
    for (const entry of ordered) {
      entry.at = bytes / 4;
      bytes = aligned(bytes + 4 * entry.values);
    }
    const room = () => program.room(bytes / 4, true);
    return {
      parameters: room(),
      gradients: room(),
      seconds: room(),
      averages: averaged ? room() : null,
    };
  }

  /** The rooms in which another step has laid the same entries; null where none has. */
  private shared(ordered: readonly Trained[]): PanelRooms | null {
    const { views, program } = this.site;
    const rooms = (of: (entry: Trained) => Node | null) =>
      new Set(
        ordered.map((entry) => {
          const node = of(entry);
          return node && (views.get(node)?.room ?? null);
        }),
      );
    const found = [
      rooms(({ parameter }) => parameter),
      rooms(({ second }) => second),
      rooms(({ average }) => average),
    ].map((of) => (of.size === 1 ? [...of][0]! : undefined));
    const [parameters, seconds, averages] = found;
    if (parameters === null && seconds === null) return null;
    if (!parameters || !seconds || averages === undefined || parameters.bytes !== seconds.bytes)
      throw new Unplanned('a step that trains other parameters than the one before');
    for (const entry of ordered) entry.at = views.get(entry.parameter)!.offset / 4;
    const apart = ordered.some(
      ({ at, values }, i) => i > 0 && at < ordered[i - 1]!.at + ordered[i - 1]!.values && values > 0,
    );
    if (apart) throw new Unplanned('a step whose parameters lie in another order');
    return { parameters, seconds, averages, gradients: program.room(parameters.bytes / 4, true) };
  }

  private placeEntry(
    panel: Panel,
    { adam, parameter, second, average, gradient, values, at, ...entry }: Trained,
  ): void {
    const view = (room: Room): View => ({ room, offset: 4 * at, bytes: 4 * values });
    this.site.views.set(parameter, view(panel.parameters));
    this.site.views.set(adam, view(panel.parameters));
    this.site.views.set(second, view(panel.seconds));
    if (average) this.site.views.set(average, view(panel.averages!));
    this.site.views.set(gradient, view(panel.gradients));
    this.gradients.push(view(panel.gradients));
    this.folded.add(adam);
    for (const blend of this.reads(adam)) if (blend.operation.op === 'blend') this.folded.add(blend);
    if (entry.rows > 0) return;
    for (const [i, node] of entry.contributions.entries()) {
      this.contributions.set(node, { kind: 'values', view: view(panel.gradients), accumulate: i > 0 });
      this.site.views.set(node, view(panel.gradients));
    }
  }

  /** All entries whose gradients are sums of so many rows lie side by side. */
  private placeRows(panel: Panel, ordered: readonly Trained[], count: number): void {
    const entries = ordered.filter(({ rows }) => rows === count);
    const [from, last] = [entries[0]!.at, entries.at(-1)!];
    const stride = aligned(4 * (last.at + last.values)) / 4 - from;
    const rows = this.site.program.room(count * stride);
    for (const { at, contributions } of entries) {
      let row = 0;
      for (const node of contributions) {
        this.contributions.set(node, { kind: 'rows', rows, base: row * stride, stride, at: at - from });
        row += this.rowsOf(node);
      }
    }
    panel.summed.push({
      rows,
      count,
      stride,
      gradients: { room: panel.gradients, offset: 4 * from, bytes: 4 * stride },
    });
  }

  private reads(node: Node): readonly Node[] {
    return this.site.folding.readers.get(node) ?? [];
  }
}

/** What can be written to a panel, added to what is there. */
const PARTS: ReadonlySet<string> = new Set(['imageSum', 'filterGradient', 'outer', 'spectralGradient']);

/** Into parts of at most so many bytes, in order. */
function split(side: readonly Trained[], most: number): Trained[][] {
  const parts: Trained[][] = [[]];
  let bytes = 0;
  for (const entry of side) {
    const own = aligned(4 * entry.values);
    if (bytes + own > most && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(entry);
    bytes += own;
  }
  return parts;
}
