import {
  linearGroup,
  linearGroupGradient,
  linearGroupTransposed,
} from '../../../../gpu/kernels/linear-group';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { aligned, type Room, type View, wholeView } from './program';
import type { Site } from './site';

/** Fewer layers than this gain nothing from being computed together. */
const FEWEST = 3;

/** Linear layers of one vector, with weights and biases in one room: of every block of a U-Net, what the embedding adds. */
interface Group {
  v: Node;
  members: readonly Node[];
  weights: Room;
  table: View;
  results: View;
  /** Stored channels of all members. */
  columns: number;
  backward: Backward | null;
}

/** Their way back: the last sum of all gradients of v, and the layers' own. */
interface Backward {
  top: Node;
  /** Gradients of the results, laid out as the results are. */
  changes: View;
  gradients: Room;
  accumulate: boolean;
}

/** Computes sibling linear layers, their gradients and that of what they read in a call each. */
export class LinearGroups {
  /** Nodes that a group computes. */
  readonly owned = new Set<Node>();
  private readonly forward = new Map<Node, Group>();
  private readonly back = new Map<Node, Group>();

  constructor(private readonly site: Site) {
    const found = new Map<Node, Map<Room, Node[]>>();
    for (const node of site.folding.needed) {
      const { operation: o, inputs } = node;
      if (o.op !== 'linear' || !o.bias || site.folding.folded.has(node)) continue;
      const [v, weight, bias] = inputs as [Node, Node, Node];
      const { room } = site.view(weight);
      if (!room.kept || site.view(bias).room !== room) continue;
      const rooms = found.get(v) ?? new Map<Room, Node[]>();
      found.set(v, rooms.set(room, [...(rooms.get(room) ?? []), node]));
    }
    for (const [v, rooms] of found)
      for (const [room, members] of rooms) if (members.length >= FEWEST) this.add(v, room, members);
  }

  /** Writes what a group has to be computed before this node, which may be the last of its sums. */
  write(node: Node): void {
    const forward = this.forward.get(node);
    if (forward) this.writeForward(forward);
    const back = this.back.get(node);
    if (back) this.writeBackward(back, back.backward!);
  }

  private add(v: Node, weights: Room, members: readonly Node[]): void {
    const { site } = this;
    const words: number[] = [];
    let bytes = 0;
    const offsets: number[] = [];
    for (const node of members) {
      const [, weight, bias] = node.inputs as [Node, Node, Node];
      const width = storedChannels(node.shape.channels);
      const [weightAt, biasAt] = [site.view(weight).offset / 4, site.view(bias).offset / 4];
      for (let c = 0; c < width; c++) words.push(weightAt + c, width, bytes / 4 + c, width, biasAt + c);
      offsets.push(bytes);
      bytes = aligned(bytes + 4 * site.batch * width);
    }
    const results = site.program.value(bytes / 4);
    const views = (view: View) => (i: number) => ({
      room: view.room,
      offset: offsets[i]!,
      bytes: 4 * site.values(members[i]!),
    });
    for (const [i, node] of members.entries()) {
      site.views.set(node, views(results)(i));
      this.owned.add(node);
    }
    const group: Group = {
      v,
      members,
      weights,
      table: site.program.table(Uint32Array.from(words)),
      results,
      columns: members.reduce((sum, node) => sum + storedChannels(node.shape.channels), 0),
      backward: null,
    };
    this.forward.set(members[0]!, group);
    const wayBack = this.wayBack(group);
    if (!wayBack) return;
    const changes = site.program.value(bytes / 4);
    for (const [i, dy] of wayBack.changes.entries()) site.views.set(dy, views(changes)(i));
    for (const node of wayBack.owned) this.owned.add(node);
    const { top, gradients, accumulate } = wayBack;
    group.backward = { top, gradients, accumulate, changes };
    this.back.set(top, group);
  }

  /** The nodes of the way back; null where it is not that of these layers alone, or some of them do not train. */
  private wayBack({ v, members }: Group) {
    const { folding, panels, views } = this.site;
    const reads = (node: Node) => folding.readers.get(node) ?? [];
    const transposes = members.map((node) => {
      const own = reads(node.inputs[1]!).filter(({ operation }) => operation.op === 'linearTransposed');
      return own.length === 1 ? own[0]! : null;
    });
    const changes = transposes.flatMap((node) => (node ? [node.inputs[0]!] : []));
    const outers = changes.map(
      (dy) => reads(dy).find(({ operation, inputs }) => operation.op === 'outer' && inputs[1] === v) ?? null,
    );
    const contributions = outers.map((node) => node && panels.contributions.get(node));
    const [first] = contributions;
    if (changes.length !== members.length || new Set(changes).size !== changes.length) return null;
    if (changes.some((dy) => views.has(dy)) || first?.kind !== 'values') return null;
    const { room } = first.view;
    for (const own of contributions)
      if (own?.kind !== 'values' || own.view.room !== room || own.accumulate !== first.accumulate)
        return null;
    const sums = new Set<Node>(transposes as Node[]);
    let top: Node | null = null;
    let leaves = 0;
    for (const node of folding.needed) {
      const { operation: o, inputs } = node;
      if (o.op !== 'add' || !inputs.every((input) => sums.has(input) && reads(input).length === 1)) continue;
      if (inputs[0] === inputs[1] || folding.folded.has(node)) return null;
      leaves += inputs.filter(({ operation }) => operation.op === 'linearTransposed').length;
      sums.add(node);
      top = node;
    }
    if (
      !top ||
      leaves !== members.length ||
      [...sums].some((node) => node !== top && reads(node).length !== 1)
    )
      return null;
    return {
      top,
      changes,
      gradients: room,
      accumulate: first.accumulate,
      owned: [...sums, ...(outers as Node[])],
    };
  }

  private writeForward({ v, weights, table, results, columns }: Group): void {
    const { site } = this;
    const depth = storedChannels(v.shape.channels);
    site.elements(
      {
        kernel: linearGroup(),
        operands: [table, site.view(v), wholeView(weights), results],
        uniforms: { columns, depth, images: site.batch },
      },
      site.batch * columns,
    );
  }

  private writeBackward({ v, weights, table, columns }: Group, back: Backward): void {
    const { site } = this;
    const depth = storedChannels(v.shape.channels);
    const uniforms = { columns, depth, images: site.batch };
    const { top, changes, gradients, accumulate } = back;
    site.elements(
      {
        kernel: linearGroupTransposed(),
        operands: [table, changes, wholeView(weights), site.place(top)],
        uniforms,
      },
      site.batch * depth,
    );
    site.elements(
      {
        kernel: linearGroupGradient(),
        operands: [table, site.view(v), changes, wholeView(gradients)],
        uniforms: { ...uniforms, accumulate: accumulate ? 1 : 0 },
      },
      depth * columns,
    );
  }
}
