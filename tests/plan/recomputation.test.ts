import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import { OutOfMemory } from '../../src/lib/errors';
import { configFromKwargs } from '../../src/nn/config';
import { parameterSpecs } from '../../src/nn/parameters';
import { Graph, type Node, vectorShape } from '../../src/nn/plan/graph';
import { addedState, chooseStep } from '../../src/nn/plan/training/budget';
import { Checkpoints } from '../../src/nn/plan/training/checkpoints';
import { gradients } from '../../src/nn/plan/training/differentiate';
import { type RecordedStep, Unplanned } from '../../src/nn/plan/training/executor';
import { opsOn, parametersOf } from '../../src/nn/plan/training/scope';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { drawnWeights } from '../support/drawn';
import { type MiniChoice, miniParts, stepsOf } from './training-run';

/** Activations that are made twice: the same numbers in less memory, of as few blocks as a budget asks for. */
const BATCH = 4;
const SIZE = { height: 16, width: 16, channels: 16 };
const BLOCKS = 6;
const WEIGHTS = drawnWeights(
  Object.fromEntries(
    Array.from({ length: BLOCKS }, (_, i) => [
      [`${i}.norm.weight`, [16]],
      [`${i}.norm.bias`, [16]],
      [`${i}.wide.weight`, [64, 16, 3, 3]],
      [`${i}.wide.bias`, [64]],
      [`${i}.shift.weight`, [64, 8]],
      [`${i}.shift.bias`, [64]],
      [`${i}.narrow.weight`, [16, 64, 3, 3]],
      [`${i}.narrow.bias`, [16]],
    ]).flat() as [string, number[]][],
  ),
  5,
);

/** Residual blocks with a wide middle, the first block's result joined to the last one's; the gradients of all parameters as state. */
function record(recomputed: ReadonlySet<number>) {
  const graph = new Graph();
  const checkpoints = new Checkpoints(graph, recomputed);
  const ops = opsOn(
    graph,
    parametersOf(graph, 'net.', (name) => WEIGHTS.shape(name)),
    () => checkpoints.end(),
  );
  const v = ops.input('v', vectorShape(8));
  let x = ops.input('x', SIZE);
  const ends: Node[] = [];
  checkpoints.begin();
  for (let i = 0; i < BLOCKS; i++) {
    const from = i === BLOCKS - 1 ? ops.add(x, ends[0]!) : x;
    x = ops.scope(() => {
      const normed = ops.silu(ops.groupNorm(from, `${i}.norm`, { groups: 4, eps: 1e-5 }));
      const wide = ops.addVector(ops.conv2d(normed, `${i}.wide`, { pad: 1 }), ops.linear(v, `${i}.shift`));
      return ops.add(ops.conv2d(ops.activate(wide, 'leakyRelu'), `${i}.narrow`, { pad: 1 }), from);
    });
    ends.push(x);
  }
  const names = [...WEIGHTS.names()];
  const wanted = names.map((name) => graph.parameter(`net.${name}`, WEIGHTS.shape(name)!));
  const seed = ops.input('cotangent', SIZE);
  const found = gradients(graph, x, wanted, seed, checkpoints);
  const carried = new Map(names.map((name, i) => [`gradient ${name}`, found.get(wanted[i]!)!]));
  for (const [name, { shape }] of carried) graph.parameter(name, shape.whole!);
  const { twins, others: recomputable } = checkpoints;
  const [moving, sums] = [new Set(wanted.map((_, i) => `net.${names[i]}`)), new Map<string, string>()];
  return { graph, carried, reports: new Map(), updates: [], moving, sums, twins, recomputable, ends };
}

const step = (iteration: Iteration): RecordedStep => ({ iteration, batch: BATCH });
const executor = (budget?: number) =>
  new WasmIterations({
    threads: 1,
    startThread: startNodeThread,
    ...(budget === undefined ? {} : { budget }),
  });
const ALL = new Set(Array.from({ length: BLOCKS }, (_, i) => i));

async function gradientsOf(iteration: Iteration): Promise<Map<string, Float32Array>> {
  const values = (count: number, seed: number) =>
    drawnWeights({ x: [count] }, seed)
      .read('x')
      .map((w) => 3 * w);
  const steps = executor();
  await steps.prepare('step', step(iteration));
  for (const name of steps.names())
    if (name.startsWith('net.')) steps.write(name, WEIGHTS.read(name.slice(4)));
  const count = BATCH * 16 ** 3;
  const inputs = new Map([
    ['x', values(count, 1)],
    ['v', values(BATCH * 8, 2)],
    ['cotangent', values(count, 3)],
  ]);
  await steps.run('step', inputs);
  const found = new Map<string, Float32Array>();
  for (const name of iteration.carried.keys()) found.set(name, await steps.read(name));
  steps.dispose();
  return found;
}

describe('a graph with checkpoints between blocks', () => {
  it('has the same gradients to the bit in less memory', async () => {
    const [plain, light] = [record(new Set()), record(ALL)];
    const [before, after] = [plain, light].map((iteration) => executor().measure(step(iteration)));
    expect(after).toBeLessThan(0.7 * before!);
    expect(await gradientsOf(light)).toEqual(await gradientsOf(plain));
  });

  it('makes what a block held anew, right before the block’s own gradients, and its checkpoints never', () => {
    const { graph, twins, ends } = record(ALL);
    const forward = ends.at(-1)!.id;
    expect(twins.size).toBeGreaterThan(0);
    for (const twin of twins) {
      expect(twin.id).toBeGreaterThan(forward);
      expect(twin.shape.height, 'a vector is kept').toBeGreaterThan(0);
      expect(twin.operation.op).not.toBe('linear');
    }
    // What reads a forward value after its pass reads a checkpoint, or something small.
    const outside = new Set<Node>([...ends, graph.nodes.find(({ operation: o }) => o.op === 'input')!]);
    for (const node of graph.nodes.slice(forward + 1))
      for (const input of node.inputs)
        if (input.id <= forward && input.shape.height > 0 && input.inputs.length > 0)
          expect(outside.has(input), `${node.operation.op} of ${input.operation.op}`).toBe(true);
    // The last block is made anew before the first one, and each is read before the next one is made.
    const wide = [...twins].filter(({ operation: o }) => o.op === 'conv2d' && o.name.endsWith('wide'));
    expect(wide.map(({ operation: o }) => (o as { name: string }).name)).toEqual(
      [5, 4, 3, 2, 1, 0].map((i) => `${i}.wide`),
    );
    const lastRead = (node: Node): number =>
      Math.max(...graph.nodes.filter(({ inputs }) => inputs.includes(node)).map(({ id }) => id));
    for (const [i, node] of wide.slice(0, -1).entries()) expect(lastRead(node)).toBeLessThan(wide[i + 1]!.id);
  });

  it('of blocks that are not recomputed nothing is made twice', () => {
    const { twins, recomputable } = record(new Set([2]));
    const convolutions = [...twins].flatMap(({ operation: o }) => (o.op === 'conv2d' ? [o.name] : []));
    expect(convolutions.every((name) => name.startsWith('2.'))).toBe(true);
    expect(recomputable!.map(({ block }) => block)).toEqual([5, 4, 3, 1, 0]);
    expect(record(new Set()).twins!.size).toBe(0);
  });
});

describe('a budget', () => {
  const measured = (recomputed: ReadonlySet<number>) => executor().measure(step(record(recomputed)));
  const chosen = (budget: number) => {
    const steps = executor(budget);
    return chooseStep(steps, (recomputed) => step(record(recomputed)), budget);
  };

  it('that holds everything recomputes nothing', () => {
    const whole = measured(new Set());
    expect(chosen(whole)).toMatchObject({ recomputed: 0, of: BLOCKS, bytes: whole });
  });

  it('recomputes as few blocks as it has to', () => {
    const [whole, least] = [measured(new Set()), measured(ALL)];
    const counts = [0.2, 0.5, 0.8].map((share) => {
      const budget = Math.floor(whole - share * (whole - least));
      const { recomputed, bytes } = chosen(budget);
      expect(bytes).toBeLessThanOrEqual(budget);
      return recomputed;
    });
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[0]).toBeLessThan(BLOCKS);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[2]).toBeGreaterThan(counts[0]!);
  });

  it('takes first what gives back most for the work', () => {
    const blocks = [
      { block: 0, values: 10, work: 100 },
      { block: 1, values: 10, work: 1 },
      { block: 2, values: 30, work: 10 },
    ];
    const bytes = (recomputed: ReadonlySet<number>) =>
      100 - [...recomputed].reduce((sum, block) => sum + blocks[block]!.values, 0);
    const sets = new Map<RecordedStep, ReadonlySet<number>>();
    const record = (recomputed: ReadonlySet<number>) => {
      const iteration = { recomputable: recomputed.size > 0 ? [] : blocks } as unknown as Iteration;
      const made = { iteration, batch: 1 };
      sets.set(made, recomputed);
      return made;
    };
    const choose = (budget: number) => {
      const { step } = chooseStep({ measure: (of) => bytes(sets.get(of)!) }, record, budget);
      return [...sets.get(step)!];
    };
    expect(choose(100)).toEqual([]);
    expect(choose(90)).toEqual([1]);
    expect(choose(60)).toEqual([1, 2]);
    expect(choose(59)).toEqual([1, 2, 0]);
  });

  it('that nothing fits into recomputes everything, and says what that takes', () => {
    const { recomputed, bytes } = chosen(1);
    expect(recomputed).toBe(BLOCKS);
    expect(bytes).toBe(measured(ALL));
  });

  it('leaves room for the state of the steps that follow', () => {
    const named = (names: Record<string, number>) => {
      const graph = new Graph();
      for (const [name, values] of Object.entries(names)) graph.parameter(name, [values]);
      return { graph } as Iteration;
    };
    const first = named({ a: 3 });
    expect(addedState([named({ a: 3, b: 5 }), named({ b: 5, c: 7 })], [first])).toBe(4 * 12);
    expect(addedState([], [first])).toBe(0);
  });
});

describe('a run that recomputes', () => {
  beforeAll(async () => {
    await openBackend('wasm'); // heads are drawn on it
  });

  const KINDS: StepKind[] = ['both', 'both'];
  const plan = (budget?: number) => async () => executor(budget);
  const SMALL: MiniChoice = { heads: 'small', warmUp: 16, emaHalfLife: 40 };
  const adm = configFromKwargs(
    new Map<string, unknown>([
      ['model_type', 'DhariwalUNet'],
      ['img_resolution', 16],
      ['img_channels', 3],
      ['label_dim', 3],
      ['model_channels', 16],
      ['channel_mult', [1, 4]],
      ['num_blocks', 1],
      ['attn_resolutions', [8]],
    ]),
    'EDMPrecond',
  );

  it.each<Partial<MiniChoice> & { network?: 'adm' }>([
    {},
    { shareFakes: false, diffAugment: true },
    { method: 'gdd', nfe: 2, clipFakes: true },
    { features: 'teacher-encoder' },
    { microBatch: 3, r1Gamma: 10, r1Every: 2 },
    { method: 'imitation', imitationSteps: 2, instanceLoss: 'lite0' },
    { method: 'cd' },
    { network: 'adm' },
  ])('has the losses and the state of one that does not, bit for bit: %o', async ({ network, ...choice }) => {
    const parts = miniParts({ ...SMALL, ...choice });
    if (network) {
      const specs = parameterSpecs(adm.unet).filter((s) => !s.buffer && !s.optional);
      parts.network = adm;
      parts.teacher = drawnWeights(Object.fromEntries(specs.map((s) => [s.name, s.shape])), 11);
    }
    const open = (recomputeAll: boolean) => DistilTrainer.open({ ...parts, plan: plan(), recomputeAll });
    const [plain, light] = [await open(false), await open(true)];
    expect(plain.facts).toMatchObject({ executor: 'plan', recomputed: { blocks: 0 } });
    const { blocks, of } = light.facts.recomputed!;
    expect(blocks).toBeGreaterThan(4);
    expect(blocks).toBe(of);
    expect(await stepsOf(light, KINDS)).toEqual(await stepsOf(plain, KINDS));
    expect(await light.state()).toEqual(await plain.state());
    for (const trainer of [plain, light]) trainer.dispose();
  });

  it('does so within a budget, and is taken in parts where that is not enough', async () => {
    const parts = miniParts(SMALL);
    const measured: number[] = [];
    const open = (budget?: number, microBatch = 0) =>
      DistilTrainer.open({
        ...parts,
        config: { ...parts.config, microBatch },
        plan: async () => {
          const steps = executor(budget);
          const measure = steps.measure.bind(steps);
          steps.measure = (of) => {
            measured.push(measure(of));
            return measured.at(-1)!;
          };
          return steps;
        },
      });
    const refused = await open(1e6).catch((error) => error);
    expect(refused).toBeInstanceOf(OutOfMemory);
    expect(refused).not.toBeInstanceOf(Unplanned);
    expect(refused.describe()).toContain('for 4 images at once');
    const [whole, least] = measured as [number, number];
    expect(least).toBeLessThan(whole);
    const plain = await open(whole);
    expect(plain.facts.recomputed!.blocks).toBe(0);
    const some = await open(Math.round((whole + least) / 2));
    const { blocks, of } = some.facts.recomputed!;
    expect(blocks).toBeGreaterThan(0);
    expect(blocks).toBeLessThan(of);
    const kinds: StepKind[] = ['both', 'generator', 'discriminator'];
    expect(await stepsOf(some, kinds)).toEqual(await stepsOf(plain, kinds));
    // The smallest parts are the device's to refuse.
    const inParts = await open(1e6, 2);
    expect(inParts.facts.executor).toBe('plan');
    for (const trainer of [plain, some, inParts]) trainer.dispose();
  });

  it('leaves what a device cannot have at all to its own words', async () => {
    const refusal = new OutOfMemory('backend', 'the GPU is out of memory');
    const opening = DistilTrainer.open({
      ...miniParts(SMALL),
      plan: async () => {
        const steps = executor();
        steps.measure = () => Number.POSITIVE_INFINITY;
        steps.prepare = () => Promise.reject(refusal);
        return steps;
      },
    });
    await expect(opening).rejects.toBe(refusal);
  });

  it('does so where the device ends before its budget', async () => {
    const parts = miniParts(SMALL);
    const asked: boolean[] = [];
    const trainer = await DistilTrainer.open({
      ...parts,
      plan: async () => {
        const steps = executor();
        const prepare = steps.prepare.bind(steps);
        steps.prepare = async (name, of) => {
          asked.push(of.iteration.twins!.size > 0);
          if (asked.length === 1) throw new OutOfMemory('backend', 'out of memory');
          await prepare(name, of);
        };
        return steps;
      },
    });
    expect(asked).toEqual([false, true]);
    expect(trainer.facts.recomputed!.blocks).toBeGreaterThan(0);
    trainer.dispose();
  });
});
