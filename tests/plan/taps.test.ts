import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { startNodeThread } from '../../cli/threads';
import { openModel } from '../../src/engine/models/open-model';
import type { GpuContext } from '../../src/gpu/context';
import { HARDWARE } from '../../src/gpu/traits';
import type { BackendName } from '../../src/lib/backends';
import { unetBlocks } from '../../src/nn/blocks';
import { Denoiser } from '../../src/nn/denoiser';
import { inspectionRows } from '../../src/nn/inspection/rows';
import type { OpenNetwork, PlanExecutor } from '../../src/nn/plan/executor';
import { planNetwork } from '../../src/nn/plan/network-plan';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { type LinearStep, type Plan, storedChannels } from '../../src/nn/plan/steps';
import { openWasm } from '../../src/nn/plan/wasm/executor';
import type { Dispatch } from '../../src/nn/plan/webgpu/dispatch';
import type { WebGpuExecutor } from '../../src/nn/plan/webgpu/executor';
import { weightLayout } from '../../src/nn/plan/webgpu/layout';
import { lower } from '../../src/nn/plan/webgpu/lower';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import { observe } from '../../src/nn/tf/observe';
import type { WeightSource } from '../../src/nn/weights';
import { readGolden, shippedCases } from '../support/fixtures';
import { openReference } from './reference-executor';

/**
 * Looking inside of a network on its plan: every block and every part of one, from a plan that ends there, against
 * the network run op by op on TensorFlow.js; the same with gains; weights that all these plans share.
 */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
/** Relative to the norm of a value. */
const BOUND = 1e-5;
const SAMPLES = 2;
/** On a GPU affines carry the biases of the convolutions that they are added to, but not where one is looked at. */
const SEPARATE = /\.(affine|conv0)(\.bias)?$/;
const errors: string[] = [];
let context: GpuContext | null = null;

const open: Record<BackendName, () => OpenNetwork> = {
  cpu: () => openReference,
  wasm: () => openWasm({ threads: 2, startThread: startNodeThread }),
  webgpu: () => openWebGpu(context!, 'f32'),
};

describe.each(backends)('taps on %s', (backend) => {
  beforeAll(async () => {
    if (backend === 'webgpu') {
      const active = await openBackend('webgpu');
      context = active.gpu!;
      active.device!.addEventListener('uncapturederror', (e) =>
        errors.push((e as GPUUncapturedErrorEvent).error.message),
      );
    }
    await openBackend('wasm'); // what the plans are compared with
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    if (backend === 'webgpu')
      expect(context!.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  describe.each(shippedCases())('$name', ({ checkpoint, golden: path }) => {
    const model = openModel(fileSource(checkpoint));
    const { unet } = model.config;
    const golden = readGolden(path);
    const classes = golden.classes?.subarray(0, SAMPLES) ?? null;
    const size = unet.inChannels * unet.imgResolution ** 2;
    const x = golden
      .float('latents')
      .subarray(0, SAMPLES * size)
      .map((z) => 2.5 * z);
    const names = inspectionRows(unet, true).map((row) => row.name);
    const blocks = unetBlocks(unet).map((b) => b.name);
    const biases = names
      .filter((name) => SEPARATE.test(name) && (unet.modelType === 'SongUNet' || !name.endsWith('conv0')))
      .reduce((sum, name) => sum + model.weights.shape(`model.${name}.bias`)![0]!, 0);

    const eager = async (gains: ReadonlyMap<string, number>) => {
      const denoiser = Denoiser.open(model.config, model.weights);
      denoiser.setGains(gains);
      const shapes = new Map<string, number[]>();
      const { values, images } = await observe(denoiser, x, 2.5, classes, {
        images: true,
        see: (name, value, record) => {
          shapes.set(name, value.shape);
          record(name, value);
        },
      });
      denoiser.dispose();
      return { values, shapes, images: images! };
    };

    it('every block and part, from a plan that ends there, with and without gains', async () => {
      const { source, reads } = countingReads(model.weights);
      const denoiser = await PlannedDenoiser.open(model.config, source, open[backend]());
      await denoiser.denoise(x, 2.5, classes);
      const first = weightBytes(denoiser);
      let held = first;
      const once = new Map(reads);
      const some = new Map(blocks.map((name, i) => [name, [1, 0, 0.7, -1.3][i % 4]!]));
      const worst = { name: '', error: 0 };
      for (const gains of [new Map<string, number>(), some]) {
        const expected = await eager(gains);
        expect([...expected.values.keys()].sort()).toEqual([...names].sort());
        denoiser.setGains(gains);
        // The oracle takes a while: there all of them are looked at together, below, and only some alone.
        for (const name of backend === 'cpu' ? names.filter((_, i) => i % 9 === 4) : names) {
          const { maps, images } = await denoiser.observe(x, 2.5, classes, { maps: [name] });
          expect(images).toBeNull();
          const { values, size: side, channels } = maps.get(name)!;
          const shape = expected.shapes.get(name)!;
          expect([side, channels]).toEqual([shape.length === 4 ? shape[1] : 1, shape.at(-1)]);
          const error = relativeError(values, expected.values.get(name)!);
          if (error > worst.error) Object.assign(worst, { name, error });
          expect(error, name).toBeLessThan(BOUND);
        }
        const images = await denoiser.denoise(x, 2.5, classes);
        expect(relativeError(images, expected.images)).toBeLessThan(BOUND);
        if (backend !== 'wasm' || gains === some) continue;
        // The memory of WebAssembly grows in pages, and the longest plan's calls may begin one; weights come once.
        held = weightBytes(denoiser);
        expect(held - first).toBeLessThanOrEqual(WASM_PAGE);
      }
      const after = weightBytes(denoiser);
      console.log(`${backend}: ${worst.name} differs most, by ${worst.error.toExponential(1)} of its norm`);
      denoiser.dispose();
      if (backend === 'cpu') return; // it reads as it goes
      for (const [name, count] of reads)
        if (!SEPARATE.test(name)) expect([name, count]).toEqual([name, once.get(name)]);
      expect(after - held).toBe(backend === 'webgpu' ? 4 * biases : 0);
    });

    it('ends at the tap: fewer steps, and fewer parameters read', async () => {
      const { source, reads } = countingReads(model.weights);
      const denoiser = await PlannedDenoiser.open(model.config, source, open[backend]());
      const whole = planNetwork(unet, model.weights);
      const block = unetBlocks(unet).find((b) => b.kind === 'block')!.name;
      for (const name of [block, `${block}.conv0`]) {
        const plan = planNetwork(unet, model.weights, { keep: [name], result: false });
        expect(plan.steps.length).toBeLessThan(whole.steps.length / 3);
        await denoiser.observe(x, 2.5, classes, { maps: [name] });
      }
      // The embedding's affines are one matrix; of everything else only what comes before the tap.
      const later = [...reads.keys()].filter((name) => name.startsWith('model.dec.'));
      expect(later.filter((name) => !/\.affine\.|conv0\.bias$/.test(name))).toEqual([]);
      denoiser.dispose();
    });

    it('several values at once, and the result with them', async () => {
      const expected = await eager(new Map());
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, open[backend]());
      const watch = { maps: names, rms: blocks, images: true };
      const { maps, rms, images } = await denoiser.observe(x, 2.5, classes, watch);
      for (const name of names)
        expect(relativeError(maps.get(name)!.values, expected.values.get(name)!), name).toBeLessThan(BOUND);
      expect(relativeError(images!, expected.images)).toBeLessThan(BOUND);
      for (const name of blocks) {
        const values = expected.values.get(name)!;
        const own = values.subarray(0, values.length / SAMPLES);
        const mean = own.reduce((sum, v) => sum + v * v, 0) / own.length;
        expect(rms.get(name)![0]! / Math.sqrt(mean)).toBeCloseTo(1, 4);
      }
      denoiser.dispose();
    });
  });
});

describe.skipIf(!backends.includes('webgpu'))('a truncated plan on webgpu', () => {
  it('dispatches less, the less the earlier it ends', async () => {
    context ??= (await openBackend('webgpu')).gpu!;
    const model = openModel(fileSource(shippedCases().find((c) => /mini-ncsnpp/.test(c.name))!.checkpoint));
    const { unet } = model.config;
    const whole = planNetwork(unet, model.weights);
    const network = await openWebGpu(context, 'f32')(whole, model.weights);
    const dispatches = async (executor: PlanExecutor) => {
      const { cost } = executor as WebGpuExecutor;
      executor.dispose();
      return cost.dispatches;
    };
    const counts = [await dispatches(await network.prepare(whole, 1))];
    for (const { name } of unetBlocks(unet)
      .reverse()
      .filter((b) => b.kind === 'block')) {
      const plan = planNetwork(unet, model.weights, { keep: [name], result: false });
      counts.push(await dispatches(await network.prepare(plan, 1)));
    }
    network.dispose();
    for (const [i, count] of counts.entries()) if (i > 0) expect(count).toBeLessThan(counts[i - 1]!);
    expect(counts.at(-1)).toBeLessThan(counts[0]! / 8);
  });

  it('leaves memory as it was when a capture is done', async () => {
    context ??= (await openBackend('webgpu')).gpu!;
    const { memory } = context;
    const model = openModel(fileSource(shippedCases().find((c) => /mini-adm/.test(c.name))!.checkpoint));
    const { unet } = model.config;
    const size = unet.inChannels * unet.imgResolution ** 2;
    const inputs = new Map([
      ['image', Float32Array.from({ length: size }, (_, i) => Math.sin(i))],
      ['noise', new Float32Array(unet.modelChannels * unet.channelMultNoise).fill(0.5)],
      ['labels', new Float32Array(unet.labelDim)],
    ]);
    const whole = planNetwork(unet, model.weights);
    const network = await openWebGpu(context, 'f32')(whole, model.weights);
    const result = await network.prepare(whole, 1);
    await result.run(inputs);
    const before = memory.breakdown();
    for (const keep of unetBlocks(unet).map((b) => b.name)) {
      const plan = planNetwork(unet, model.weights, { keep: [keep], result: false });
      const executor = await network.prepare(plan, 1);
      const values = (await executor.run(inputs)).get(keep)!;
      expect(values.some((v) => v !== 0)).toBe(true);
      expect(memory.breakdown().activations).toBeGreaterThan(before.activations);
      executor.dispose();
      expect(memory.breakdown(), keep).toEqual(before);
    }
    result.dispose();
    network.dispose();
  });
});

describe('a network whose embedding takes several matrices', () => {
  it('computes and uploads only those before the tap', () => {
    const model = openModel(fileSource(shippedCases().find((c) => /mini-adm/.test(c.name))!.checkpoint));
    const { unet } = model.config;
    const whole = planNetwork(unet, model.weights);
    const layout = weightLayout(whole, model.weights, false);
    const affines = (plan: Plan) =>
      plan.steps.find((s): s is LinearStep => s.kind === 'linear' && s.matrix.length > 1)!;
    const maxBinding = 4 * storedChannels(affines(whole).input.channels) * 512; // of 512 features
    const options = { batch: 1, traits: HARDWARE, precision: 'f32', maxBinding } as const;
    const products = (plan: Plan) =>
      lower(plan, model.weights, options, layout).dispatches.filter((d) => d.step.out === affines(plan).out);
    const all = products(whole);
    expect(all.length).toBeGreaterThan(1);
    const first = unetBlocks(unet).find((b) => b.kind === 'block')!.name;
    const some = products(planNetwork(unet, model.weights, { keep: [first], result: false }));
    expect(some).toHaveLength(1);
    for (const { grid } of [...all, ...some]) expect(Math.min(...grid)).toBeGreaterThan(0);
    // The very same matrix, of which the shorter plan uses the first columns.
    expect(weightKeys(all)).toEqual(expect.arrayContaining(weightKeys(some)));
  });
});

/** Matrices that kernel calls read. */
const weightKeys = (dispatches: readonly Dispatch[]): string[] =>
  dispatches.flatMap(({ operands }) =>
    operands.flatMap((o) =>
      o !== 'nothing' && 'weight' in o && / linear /.test(o.weight.key) ? [o.weight.key] : [],
    ),
  );

/** What the GPU holds as weights; elsewhere all that the network holds. */
/** Bytes by which memory of WebAssembly grows. */
const WASM_PAGE = 65_536;

const weightBytes = (denoiser: PlannedDenoiser): number =>
  context ? context.memory.breakdown().weights : denoiser.bytes;

function countingReads(source: WeightSource) {
  const reads = new Map<string, number>();
  const counted: WeightSource = {
    names: () => source.names(),
    shape: (name) => source.shape(name),
    read: (name) => {
      reads.set(name, (reads.get(name) ?? 0) + 1);
      return source.read(name);
    },
  };
  return { source: counted, reads };
}

/** ||found - expected|| / ||expected||. `row` may be one of several equal rows of what is expected. */
function relativeError(found: ArrayLike<number>, row: ArrayLike<number>): number {
  if (found.length === 0 || found.length % row.length !== 0) return Number.POSITIVE_INFINITY;
  let [moved, square] = [0, 0];
  for (let i = 0; i < found.length; i++) {
    const expected = row[i % row.length]!;
    moved += (found[i]! - expected) ** 2;
    square += expected ** 2;
  }
  const error = moved === 0 ? 0 : Math.sqrt(moved / square); // a silenced value is zero
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
