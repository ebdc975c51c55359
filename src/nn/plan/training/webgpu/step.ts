import type { Node } from '../../graph';
import type { RecordedStep } from '../executor';
import { carriedLeaves, rolesOf } from '../roles';
import { Compiler } from './compile';
import { mapsInHalves } from './halves';
import type { Room, View } from './program';
import { type SharedState, Site, type SiteOptions } from './site';

/** A value that is copied elsewhere at the end of a step. */
export interface Copy {
  from: View;
  to: View;
}

/** What is read back of a step: its bytes begin at `at`. */
export interface Read {
  view: View;
  at: number;
}

/** One recorded step as kernel calls: its inputs, its state, its reports. */
export class StepProgram {
  /** State of the step by name. */
  readonly leaves: ReadonlyMap<string, Node>;
  readonly inputs: ReadonlyMap<string, Node>;
  readonly site: Site;
  /** State that takes over a value at the end. */
  readonly copies: readonly Copy[];
  /** Everything that is read back, in the order in which it lies. */
  readonly reads: readonly Read[];
  readBytes = 0;
  private readonly filters: ReadonlyMap<string, View>;
  private readonly reports: ReadonlyMap<string, Node>;
  /** Nodes that only a report reads; the host computes them after the run. */
  private readonly late: readonly Node[];
  private readonly values = new Map<Node, Read>();
  private readonly results: ReadonlyMap<string, { node: Node; read: Read }>;
  /** Sums of squares of all gradients of a panel, in parts. */
  private readonly squares: readonly { read: Read; nodes: readonly Node[] }[];

  /** `state`: what earlier steps have of the same leaves and gradients. Throws `Unplanned` where a step has no kernels. */
  constructor({ iteration, batch }: RecordedStep, options: SiteOptions, state: SharedState) {
    const { graph, reports, updates, carried, moving, sums } = iteration;
    const { twins = new Set<Node>(), results = new Map<string, Node>() } = iteration;
    const leaves = carriedLeaves(iteration);
    const wanted = [...reports.values(), ...updates, ...carried.values(), ...results.values()];
    const of = { nodes: graph.nodes, wanted, carried: leaves, moving, sums, twins, batch };
    const site = new Site(of, options, state);
    const roles = rolesOf(iteration, site.folding, leaves);
    this.leaves = roles.leaves;
    this.inputs = roles.inputs;
    this.late = roles.late;
    const late = new Set(this.late);
    const exact = new Set([...wanted, ...this.late.flatMap(({ inputs }) => inputs)]);
    if (options.mixed) site.halves = mapsInHalves(site.folding, exact, reports.has('r1'));
    const compiler = new Compiler(site, late, new Set(wanted));
    compiler.write();
    for (const node of [...this.leaves.values(), ...this.inputs.values()]) site.view(node);
    this.site = site;
    this.filters = compiler.winograd.filters;
    this.reports = reports;
    this.copies = Array.from(leaves, ([leaf, node]) => ({
      from: site.view(node),
      to: site.view(leaf),
    }));
    for (const node of new Set(this.late.flatMap(({ inputs }) => inputs)))
      if (!late.has(node) && node.operation.op !== 'squares')
        this.values.set(node, this.readBack(site.view(node)));
    this.squares = compiler.squares.map(({ view, nodes }) => ({ nodes, read: this.readBack(view) }));
    this.results = new Map(
      Array.from(results, ([name, node]) => [name, { node, read: this.readBack(site.view(node)) }]),
    );
    this.reads = [
      ...this.values.values(),
      ...this.squares.map(({ read }) => read),
      ...Array.from(this.results.values(), ({ read }) => read),
    ];
  }

  /** Where its leaves, gradients and transformed filters lie, for the steps that come after it. */
  shared(): SharedState {
    const { layouts, panels } = this.site;
    const place = (node: Node) => ({ view: this.site.view(node), layout: layouts.of(node) });
    return {
      leaves: new Map(Array.from(this.leaves, ([name, node]) => [name, place(node)])),
      gradients: new Map(
        panels.panels
          .filter(({ given }) => !given)
          .map(({ parameters, gradients }) => [parameters, gradients]),
      ),
      filters: new Map(this.filters),
    };
  }

  /** Memory that a step alone has, and lasts. */
  get kept(): readonly Room[] {
    return this.site.program.kept;
  }

  /** Its results, from what was read back. */
  given(values: Float32Array): Map<string, Float32Array<ArrayBuffer>> {
    return new Map(
      Array.from(this.results, ([name, { node, read }]) => [
        name,
        Float32Array.from(this.site.load(node, storedIn(values, read))),
      ]),
    );
  }

  /** The step's reports, from what was read back. */
  reported(values: Float32Array): Map<string, number> {
    const { site } = this;
    const stored = (read: Read) => storedIn(values, read);
    const found = new Map<Node, Float64Array>();
    for (const [node, read] of this.values) found.set(node, site.load(node, stored(read)));
    for (const { nodes, read } of this.squares) {
      const sum = stored(read).reduce((a, b) => a + b, 0);
      // The sum of all of them is known: the first stands for it.
      for (const [i, node] of nodes.entries()) found.set(node, Float64Array.of(i === 0 ? sum : 0));
    }
    for (const node of this.late)
      found.set(
        node,
        site.definitions.value(
          node,
          node.inputs.map((input) => found.get(input)!),
        ),
      );
    return new Map(Array.from(this.reports, ([name, node]) => [name, found.get(node)![0]!]));
  }

  private readBack(view: View): Read {
    const at = this.readBytes;
    this.readBytes += view.bytes;
    return { view, at };
  }
}

const storedIn = (values: Float32Array, { at, view }: Read): Float32Array =>
  values.subarray(at / 4, (at + view.bytes) / 4);
