import { InnateError, OutOfMemory } from '../../../../lib/errors';
import { CallList } from '../../../../simd/calls/list';
import { slice } from '../../../../simd/calls/maps';
import { stepNumbers } from '../../../../simd/calls/optimiser';
import { RECORD_BYTES } from '../../../../simd/record';
import { type RuntimeOptions, SimdRuntime } from '../../../../simd/runtime';
import * as trainingKernels from '../../../../simd/training-kernels';
import type { Node } from '../../graph';
import type { Iteration } from '../iteration';
import { Compiler } from './compile';
import { rowAt, Site } from './site';
import type { Work } from './works';

/** Kernel calls that run at once, or a computation of the host. */
type Segment = { records: Uint8Array; scratchBytes: number } | { host: (memory: ArrayBufferLike) => void };

/**
 * A recorded iteration on the kernels of src/simd: one memory holds state, what is made of frozen parameters, and an arena
 * planned by lifetimes; nothing is allocated after `open`. Calls block their thread: use it in a worker, or in Node.
 */
export class WasmIteration {
  private frozenChanged = true;

  private constructor(
    private readonly runtime: SimdRuntime,
    private readonly site: Site,
    private readonly compiler: Compiler,
    private readonly iteration: Iteration,
    private readonly late: readonly Node[],
    private readonly leaves: ReadonlyMap<string, Node>,
    private readonly inputs: ReadonlyMap<string, Node>,
    private readonly setup: readonly Segment[],
    private readonly step: readonly Segment[],
    /** First byte after the arena. */
    private readonly end: number,
  ) {}

  /** Plans the iteration for `batch` images. Throws `unsupported` where a step has no kernels. */
  static async open(iteration: Iteration, batch: number, options: RuntimeOptions): Promise<WasmIteration> {
    const { graph, reports, updates, carried } = iteration;
    const changed = [...updates, ...carried.values()];
    const wanted = [...reports.values(), ...changed];
    const leaves = new Map<string, Node>();
    const inputs = new Map<string, Node>();
    const carriedLeaves = new Map<Node, Node>();
    for (const node of graph.nodes) {
      const { operation: o } = node;
      const source = o.op === 'parameter' ? carried.get(o.name) : undefined;
      if (source) carriedLeaves.set(node, source);
    }
    const site = new Site(graph.nodes, wanted, carriedLeaves, batch);
    for (const node of [...site.folding.needed, ...carriedLeaves.keys()]) {
      if (node.operation.op === 'parameter') leaves.set(node.operation.name, node);
      if (node.operation.op === 'input') inputs.set(node.operation.name, node);
    }
    const changing = reaching(graph.nodes, changed);
    const late = site.folding.needed.filter(
      (node) => !changing.has(node) && node.operation.op !== 'squares' && node.inputs.length > 0,
    );
    const compiler = new Compiler(site);
    compiler.write(new Set(late));
    for (const [leaf, node] of carriedLeaves) carry(site, node, leaf);

    const given = [...inputs.values()].map((node) => site.room(node));
    const read = [...late, ...late.flatMap(({ inputs: needed }) => needed)].map((node) => site.room(node));
    const plan = (start: number, threads: number) => {
      const end = site.works.place(start, given, read);
      return {
        end,
        setup: segments(
          site.works.works.filter(({ once }) => once),
          threads,
        ),
        step: segments(
          site.works.works.filter(({ once }) => !once),
          threads,
        ),
      };
    };
    const asked = plan(0, options.threads);
    const longest = Math.max(...[...asked.setup, ...asked.step].map(length));
    const runtime = await SimdRuntime.start(longest, { ...options, kernels: trainingKernels });
    const { end, setup, step } = plan(runtime.dataStart, runtime.threads);
    const scratch = runtime.threads * Math.max(...[...setup, ...step].map(scratchOf));
    if (end + scratch > 2 ** 32 - 2 ** 16)
      throw new OutOfMemory('backend', 'out of memory', {
        expected: 'less than 4 GB of WebAssembly memory',
        hint: 'Use a smaller batch',
      });
    runtime.ensure(end + scratch);
    for (const { room, words } of site.tables) {
      const table = words();
      new Uint32Array(runtime.memory.buffer, room.at, table.length).set(new Uint32Array(table.buffer));
    }
    return new WasmIteration(runtime, site, compiler, iteration, late, leaves, inputs, setup, step, end);
  }

  get threads(): number {
    return this.runtime.threads;
  }

  /** Of the whole memory. */
  get bytes(): number {
    return this.runtime.memory.buffer.byteLength;
  }

  /** Kernel calls of a step. */
  get calls(): number {
    return this.step.reduce((sum, segment) => sum + length(segment), 0);
  }

  /** Names of all state. */
  names(): Iterable<string> {
    return this.leaves.keys();
  }

  /** State in the published layout. */
  read(name: string): Float32Array {
    return Float32Array.from(this.site.load(this.runtime.memory.buffer, this.leaf(name)));
  }

  write(name: string, values: ArrayLike<number>): void {
    this.site.store(this.runtime.memory.buffer, this.leaf(name), values);
    this.frozenChanged = true;
  }

  /** One step: changes the state, and returns its reports. */
  run(inputs: ReadonlyMap<string, ArrayLike<number>>): Map<string, number> {
    const { site, runtime } = this;
    const memory = runtime.memory.buffer;
    if (this.frozenChanged) this.execute(this.setup);
    this.frozenChanged = false;
    for (const [name, node] of this.inputs) {
      const values = inputs.get(name);
      if (!values) throw new InnateError('mismatch', 'an input of the step is missing', { where: name });
      site.store(memory, node, values);
    }
    for (const { room, rates, share, beta2, eps } of this.compiler.numbers.values()) {
      const [rate, correction] = site.load(memory, rates) as unknown as [number, number];
      const averageBeta = share ? 1 - site.load(memory, share)[0]! : 0;
      const numbers = stepNumbers({ rate, beta1: 0, beta2, correction, eps, averageBeta });
      new Float32Array(memory, room.at, numbers.length).set(numbers);
    }
    this.execute(this.step);
    const values = new Map<Node, Float64Array>();
    const value = (node: Node): Float64Array => {
      const partials = this.compiler.partials.get(node);
      if (!partials) return values.get(node) ?? site.load(memory, node);
      const sums = new Float64Array(memory, partials.room.at, partials.count);
      return Float64Array.of(sums.reduce((a, b) => a + b, 0));
    };
    for (const node of this.late) values.set(node, site.definitions.value(node, node.inputs.map(value)));
    return new Map(Array.from(this.iteration.reports, ([name, node]) => [name, value(node)[0]!]));
  }

  dispose(): void {
    this.runtime.dispose();
  }

  private leaf(name: string): Node {
    const node = this.leaves.get(name);
    if (!node) throw new InnateError('bad-argument', 'the step has no such state', { found: name });
    return node;
  }

  private execute(program: readonly Segment[]): void {
    const { runtime, end } = this;
    for (const segment of program) {
      if ('host' in segment) segment.host(runtime.memory.buffer);
      else runtime.run({ ...segment, end });
    }
  }
}

/** Nodes that the given ones are computed from, themselves too. */
function reaching(nodes: readonly Node[], from: readonly Node[]): Set<Node> {
  const found = new Set(from);
  for (const node of [...nodes].reverse())
    if (found.has(node)) for (const input of node.inputs) found.add(input);
  return found;
}

/** State takes over a value when the step is through. */
function carry(site: Site, node: Node, leaf: Node): void {
  const [from, to] = [site.room(node), site.room(leaf)];
  site.calls([from, to], (list) =>
    slice(list, { source: rowAt(site, leaf, from.at), from: 0, out: rowAt(site, leaf, to.at) }),
  );
}

function segments(works: readonly Work[], threads: number): Segment[] {
  const out: Segment[] = [];
  let list = new CallList(threads);
  const close = () => {
    if (list.length > 0) out.push({ records: list.records, scratchBytes: list.scratchBytes });
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

const length = (segment: Segment): number => ('host' in segment ? 0 : segment.records.length / RECORD_BYTES);
const scratchOf = (segment: Segment): number => ('host' in segment ? 0 : segment.scratchBytes);
