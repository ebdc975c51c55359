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

/** What a step does with all gradients of a panel. */
export type PanelEnd =
  /** Adam, and the average where there is one. */
  | {
      kind: 'adam';
      rates: Node;
      share: Node | null;
      beta2: number;
      eps: number;
      seconds: Room;
      averages: Room | null;
      /** Other averages, which follow the new parameters in a call of their own. */
      followers: readonly { share: Node; averages: Room }[];
    }
  /** Blends those of a part of the batch into those of the parts before it. */
  | { kind: 'blend'; share: Node; sums: Room };

/** Parameters of one network that train, side by side, and all that they have of their own in the same order. */
export interface Panel {
  parameters: Room;
  gradients: Room;
  /** Its gradients are state that other steps have added up. */
  given: boolean;
  end: PanelEnd;
  /** Before this node the panel ends, and what its squares are asked by. */
  first: Node;
  squares: readonly Node[];
  summed: Summed[];
}

interface Trained {
  /** Adam, or the blend. */
  update: Node;
  parameter: Node;
  gradient: Node;
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

/** What of a step decides where parameters lie: `Iteration.moving`, `Iteration.sums`, and rooms of gradients by their parameters'. */
export interface PanelChoice {
  moving: ReadonlySet<string>;
  sums: ReadonlyMap<string, string>;
  gradients: ReadonlyMap<Room, Room>;
}

/** Where everything lies that trains: for each panel one call that ends the step, and one sum of squares. */
export class Panels {
  readonly panels: Panel[] = [];
  /** By the node of a gradient, or of a part of it. */
  readonly contributions = new Map<Node, Contribution>();
  /** Nodes that have no call of their own: sums of contributions, Adam, averages, squares. */
  readonly folded = new Set<Node>();
  /** Where each gradient lies that the step computes. */
  readonly gradients: View[] = [];

  constructor(
    private readonly site: PanelSite,
    private readonly choice: PanelChoice,
  ) {
    this.layNetworks();
    for (const entries of this.trained()) this.add(entries);
  }

  /**
   * Gives what trains a place, in this step or in another: of a network all in one room, or in a few. The order is that of
   * the graph, vectors last, so that gradients that are sums of as many rows lie side by side in most steps.
   */
  private layNetworks(): void {
    const { site } = this;
    const networks = new Map<string, Node[]>();
    for (const node of site.folding.needed) {
      const { operation: o } = node;
      if (o.op !== 'parameter' || !this.choice.moving.has(o.name) || site.views.has(node)) continue;
      const network = o.name.split('.', 1)[0]!;
      networks.set(network, [...(networks.get(network) ?? []), node]);
    }
    const most = Math.min(MOST_BYTES, site.options.maxBinding);
    const bytes = (node: Node) => 4 * site.values(node);
    for (const leaves of networks.values())
      for (const part of split(this.ranked(leaves), bytes, most)) {
        const room = site.program.room(part.reduce((sum, node) => sum + aligned(bytes(node)), 0) / 4, true);
        let offset = 0;
        for (const node of part) {
          site.views.set(node, { room, offset, bytes: bytes(node) });
          offset += aligned(bytes(node));
        }
      }
  }

  private ranked(leaves: readonly Node[]): Node[] {
    const rank = (node: Node) => {
      if (node.shape.whole!.length > 1) return 0;
      const ofBatch = ({ operation: o }: Node) => o.op === 'groupNorm' && o.over === 'batch';
      return this.reads(node).some(ofBatch) ? 1 : 2;
    };
    return [...leaves].sort((a, b) => rank(a) - rank(b));
  }

  /** Parameters and their gradients, by the panel that they end together. */
  private trained(): Trained[][] {
    const { site } = this;
    const parameters = new Map<string, Node>();
    for (const [parameter, sum] of this.choice.sums)
      for (const node of site.folding.needed)
        if (node.operation.op === 'parameter' && node.operation.name === parameter) parameters.set(sum, node);
    const rooms: Room[] = [];
    const found = new Map<string, Trained[]>();
    for (const update of site.folding.needed) {
      const { operation: o, inputs } = update;
      const [target] = inputs;
      const to = target?.operation.op === 'parameter' ? target.operation.name : '';
      const parameter = o.op === 'adam' ? target : o.op === 'blend' ? parameters.get(to) : undefined;
      if (!parameter) continue;
      const { room, offset } = site.views.get(parameter)!;
      if (!rooms.includes(room)) rooms.push(room);
      const numbers =
        o.op === 'adam' ? [inputs[3], ...this.averages(update).map((blend) => blend.inputs[2])] : [inputs[2]];
      const key = JSON.stringify([rooms.indexOf(room), o, numbers.map((node) => node?.id)]);
      found.set(key, [...(found.get(key) ?? []), this.entry(update, parameter, offset / 4)]);
    }
    return [...found.values()];
  }

  private entry(update: Node, parameter: Node, at: number): Trained {
    const gradient = update.inputs[1]!;
    const contributions = this.partsOf(gradient);
    const summed = contributions.every((node) => node.operation.op === 'imageSum');
    return {
      update,
      parameter,
      gradient,
      values: this.site.values(parameter),
      contributions,
      rows: summed ? contributions.reduce((sum, node) => sum + this.rowsOf(node), 0) : 0,
      at,
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
    const own = this.reads(gradient).every(({ operation: { op } }) => READERS.has(op));
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

  private add(entries: readonly Trained[]): void {
    const { site } = this;
    const ordered = [...entries].sort((a, b) => a.at - b.at);
    const parameters = site.views.get(ordered[0]!.parameter)!.room;
    if (ordered.reduce((sum, { values }) => sum + aligned(4 * values), 0) !== parameters.bytes)
      throw new Unplanned('a step that trains a part of a network');
    const first = ordered.reduce((a, b) => (b.update.id < a.update.id ? b : a)).update;
    const given = ordered.some(({ gradient }) => gradient.operation.op === 'parameter');
    const panel: Panel = {
      parameters,
      gradients: given
        ? this.alongside(parameters, ordered, ({ gradient }) => gradient)
        : (this.choice.gradients.get(parameters) ?? site.program.room(parameters.bytes / 4, true)),
      given,
      end: this.end(first, parameters, ordered),
      first,
      squares: ordered.flatMap(({ gradient }) =>
        this.reads(gradient).filter(({ operation }) => operation.op === 'squares'),
      ),
      summed: [],
    };
    for (const node of panel.squares) this.folded.add(node);
    for (const { update } of ordered) this.folded.add(update);
    if (!given) {
      for (const entry of ordered) this.placeGradient(panel, entry);
      for (const run of runs(ordered)) if (run[0]!.rows > 0) this.placeRows(panel, run);
    }
    this.panels.push(panel);
  }

  private end(first: Node, parameters: Room, ordered: readonly Trained[]): PanelEnd {
    const { operation: o, inputs } = first;
    if (o.op !== 'adam') {
      const sums = this.alongside(parameters, ordered, ({ update }) => update.inputs[0]!);
      for (const { update } of ordered) this.site.views.set(update, this.site.views.get(update.inputs[0]!)!);
      return { kind: 'blend', share: inputs[2]!, sums };
    }
    for (const { update, parameter } of ordered) this.site.views.set(update, this.site.views.get(parameter)!);
    const all = this.averages(first).map((blend, i) => ({
      share: blend.inputs[2]!,
      averages: this.alongside(parameters, ordered, ({ update }) => this.averages(update)[i]!.inputs[0]!),
    }));
    for (const { update } of ordered) for (const blend of this.averages(update)) this.folded.add(blend);
    const [average, ...followers] = all;
    return {
      kind: 'adam',
      rates: inputs[3]!,
      share: average?.share ?? null,
      beta2: o.beta2,
      eps: o.eps,
      seconds: this.alongside(parameters, ordered, ({ update }) => update.inputs[2]!),
      averages: average?.averages ?? null,
      followers,
    };
  }

  /** The room in which an earlier step has laid such state in the parameters' order; else a new one. */
  private alongside(parameters: Room, ordered: readonly Trained[], of: (entry: Trained) => Node): Room {
    const { views, program } = this.site;
    const known = ordered.flatMap((entry) => views.get(of(entry)) ?? []);
    const room = known[0]?.room ?? program.room(parameters.bytes / 4, true);
    if (known.length > 0 && known.length < ordered.length)
      throw new Unplanned('a step that trains other parameters than the one before');
    for (const entry of ordered) {
      const before = views.get(of(entry));
      if (before && (before.room !== room || before.offset !== 4 * entry.at))
        throw new Unplanned('a step whose parameters lie in another order');
      views.set(of(entry), { room, offset: 4 * entry.at, bytes: 4 * entry.values });
    }
    return room;
  }

  private placeGradient({ gradients }: Panel, { gradient, values, at, ...entry }: Trained): void {
    const view = { room: gradients, offset: 4 * at, bytes: 4 * values };
    this.site.views.set(gradient, view);
    this.gradients.push(view);
    if (entry.rows > 0) return;
    for (const [i, node] of entry.contributions.entries()) {
      this.contributions.set(node, { kind: 'values', view, accumulate: i > 0 });
      this.site.views.set(node, view);
    }
  }

  /** Entries that lie side by side, and whose gradients are sums of as many rows. */
  private placeRows(panel: Panel, entries: readonly Trained[]): void {
    const [{ at: from, rows: count }, last] = [entries[0]!, entries.at(-1)!];
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

  /** What blends a parameter's new value into its averages, in the order of recording. */
  private averages(adam: Node): Node[] {
    return this.reads(adam)
      .filter(({ operation }) => operation.op === 'blend')
      .sort((a, b) => a.id - b.id);
  }

  private reads(node: Node): readonly Node[] {
    return this.site.folding.readers.get(node) ?? [];
  }
}

/** What can be written to a panel, added to what is there. */
const PARTS: ReadonlySet<string> = new Set(['imageSum', 'filterGradient', 'outer', 'spectralGradient']);
/** What reads a gradient where it lies in a panel. */
const READERS: ReadonlySet<string> = new Set(['adam', 'blend', 'squares']);

/** Into parts of at most so many bytes, in order. */
function split(leaves: readonly Node[], bytesOf: (node: Node) => number, most: number): Node[][] {
  const parts: Node[][] = [[]];
  let bytes = 0;
  for (const node of leaves) {
    const own = aligned(bytesOf(node));
    if (bytes + own > most && bytes > 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(node);
    bytes += own;
  }
  return parts;
}

/** Neighbours of as many rows. */
function runs(ordered: readonly Trained[]): Trained[][] {
  const found: Trained[][] = [];
  for (const entry of ordered) {
    const run = found.at(-1);
    if (run && run[0]!.rows === entry.rows) run.push(entry);
    else found.push([entry]);
  }
  return found;
}
