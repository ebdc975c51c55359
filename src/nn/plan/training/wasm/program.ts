import { CallList } from '../../../../simd/calls/list';
import { slice } from '../../../../simd/calls/maps';
import { stepNumbers } from '../../../../simd/calls/optimiser';
import { RECORD_BYTES } from '../../../../simd/record';
import type { Node } from '../../graph';
import type { RecordedStep } from '../executor';
import { carriedLeaves, rolesOf } from '../roles';
import { Compiler } from './compile';
import { rowAt, type SharedForms, type SharedState, Site } from './site';
import type { Work } from './works';

/** Kernel calls that run at once, or a computation of the host. */
export type Segment =
  | { records: Uint8Array; scratchBytes: number }
  | { host: (memory: ArrayBufferLike) => void };

/** The kernel calls of a step, once it has its place in memory. */
export interface Written {
  /** What is made of frozen parameters. */
  setup: Segment[];
  step: Segment[];
}

/** One recorded step as kernel calls: its rooms, its inputs, its reports. */
export class StepProgram {
  /** State of the step by name. */
  readonly leaves: ReadonlyMap<string, Node>;
  readonly inputs: ReadonlyMap<string, Node>;
  written: Written = { setup: [], step: [] };
  private readonly site: Site;
  private readonly compiler: Compiler;
  private readonly reports: ReadonlyMap<string, Node>;
  private readonly results: ReadonlyMap<string, Node>;
  /** Nodes that only a report reads; the host computes them after the run. */
  private readonly late: readonly Node[];

  /** `state`: what earlier steps have of the same leaves; `forms`: what they have made of frozen ones. Throws `Unplanned` where a step has no kernels. */
  constructor({ iteration, batch }: RecordedStep, state: SharedState, forms: SharedForms) {
    const { graph, reports, updates, carried, moving, twins = new Set(), results = new Map() } = iteration;
    const leaves = carriedLeaves(iteration);
    const wanted = [...reports.values(), ...updates, ...carried.values(), ...results.values()];
    const site = new Site(
      { nodes: graph.nodes, wanted, carried: leaves, batch, moving, twins },
      state,
      forms,
    );
    const roles = rolesOf(iteration, site.folding, leaves);
    this.leaves = roles.leaves;
    this.inputs = roles.inputs;
    this.late = roles.late;
    this.site = site;
    this.reports = reports;
    this.results = results;
    this.compiler = new Compiler(site);
    this.compiler.write(new Set(this.late));
    for (const [leaf, node] of leaves) carry(site, node, leaf);
  }

  /** Gives what stays from run to run its addresses from `start` on; returns the end. */
  placeKept(start: number): number {
    return this.site.works.placeKept(start);
  }

  /** Bytes of what lives within a run. */
  arenaBytes(): number {
    return this.placeArena(0);
  }

  /** Gives that its addresses; returns the end. */
  placeArena(start: number): number {
    const { site, late } = this;
    const given = [...this.inputs.values()].map((node) => site.room(node));
    const nodes = [...late, ...late.flatMap(({ inputs }) => inputs), ...this.results.values()];
    const read = nodes.map((node) => site.room(node));
    return site.works.placeArena(start, given, read);
  }

  /** Writes the calls at the addresses that everything has now; none of at most `longest` calls at once. */
  write(threads: number, longest = Number.POSITIVE_INFINITY): void {
    const { works } = this.site.works;
    const of = (once: boolean) =>
      segments(
        works.filter((work) => work.once === once),
        threads,
        longest,
      );
    this.written = { setup: of(true), step: of(false) };
  }

  /** Kernel calls of the longest segment. */
  get longest(): number {
    return Math.max(...[...this.written.setup, ...this.written.step].map(callsOf));
  }

  get scratchBytes(): number {
    return Math.max(...[...this.written.setup, ...this.written.step].map(scratchOf));
  }

  /** Writes tables and constants, which change with the addresses alone. */
  fill(memory: ArrayBufferLike): void {
    for (const { room, words } of this.site.tables) {
      const table = words();
      new Uint32Array(memory, room.at, table.length).set(new Uint32Array(table.buffer));
    }
  }

  /** Where its leaves lie, for the steps that come after it. */
  shared(): SharedState {
    const { layouts } = this.site;
    return new Map(
      Array.from(this.leaves, ([name, node]) => [
        name,
        { room: this.site.room(node), layout: layouts.of(node) },
      ]),
    );
  }

  read(memory: ArrayBufferLike, leaf: Node): Float32Array {
    return Float32Array.from(this.site.load(memory, leaf));
  }

  store(memory: ArrayBufferLike, node: Node, values: ArrayLike<number>): void {
    this.site.store(memory, node, values);
  }

  /** Numbers of the step from its inputs, which lie in memory: what Adam and averages read. */
  fillNumbers(memory: ArrayBufferLike): void {
    const { site, compiler } = this;
    for (const { room, rates, share, beta2, eps } of compiler.numbers.values()) {
      const [rate, correction] = site.load(memory, rates) as unknown as [number, number];
      const averageBeta = share ? 1 - site.load(memory, share)[0]! : 0;
      const numbers = stepNumbers({ rate, beta1: 0, beta2, correction, eps, averageBeta });
      new Float32Array(memory, room.at, numbers.length).set(numbers);
    }
  }

  /** Its results, after its run. */
  given(memory: ArrayBufferLike): Map<string, Float32Array<ArrayBuffer>> {
    return new Map(
      Array.from(this.results, ([name, node]) => [name, Float32Array.from(this.site.load(memory, node))]),
    );
  }

  /** The step's reports, after its run. */
  reported(memory: ArrayBufferLike): Map<string, number> {
    const { site, compiler } = this;
    const values = new Map<Node, Float64Array>();
    const value = (node: Node): Float64Array => {
      const partials = compiler.partials.get(node);
      if (!partials) return values.get(node) ?? site.load(memory, node);
      const sums = new Float64Array(memory, partials.room.at, partials.count);
      return Float64Array.of(sums.reduce((a, b) => a + b, 0));
    };
    for (const node of this.late) values.set(node, site.definitions.value(node, node.inputs.map(value)));
    return new Map(Array.from(this.reports, ([name, node]) => [name, value(node)[0]!]));
  }
}

/** State takes over a value when the step is through. */
function carry(site: Site, node: Node, leaf: Node): void {
  const [from, to] = [site.room(node), site.room(leaf)];
  site.calls([from, to], (list) =>
    slice(list, { source: rowAt(site, leaf, from.at), from: 0, out: rowAt(site, leaf, to.at) }),
  );
}

function segments(works: readonly Work[], threads: number, longest: number): Segment[] {
  const out: Segment[] = [];
  let list = new CallList(threads);
  const close = () => {
    if (list.length > 0) out.push(...pieces(list, longest));
    list = new CallList(threads);
  };
  for (const { calls, host } of works) {
    calls?.(list);
    if (!host) continue;
    close();
    out.push({ host });
  }
  close();
  return out;
}

/** A list of calls in lists of at most `longest`. */
function pieces({ records, scratchBytes }: CallList, longest: number): Segment[] {
  const bytes = longest * RECORD_BYTES;
  if (records.length <= bytes) return [{ records, scratchBytes }];
  return Array.from({ length: Math.ceil(records.length / bytes) }, (_, i) => ({
    records: records.subarray(i * bytes, (i + 1) * bytes),
    scratchBytes,
  }));
}

/** Calls of the WebAssembly kernels in a segment; a segment of the host has none. */
export const callsOf = (segment: Segment): number =>
  'host' in segment ? 0 : segment.records.length / RECORD_BYTES;

const scratchOf = (segment: Segment): number => ('host' in segment ? 0 : segment.scratchBytes);
