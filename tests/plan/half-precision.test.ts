import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelArgument } from '../../cli/catalogue';
import { fileSource } from '../../cli/files';
import { seedBatch } from '../../src/engine/inference/sampling';
import { openModel } from '../../src/engine/models/open-model';
import { GpuContext } from '../../src/gpu/context';
import { HARDWARE_F16 } from '../../src/gpu/traits';
import type { WeightPrecision } from '../../src/lib/backends';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import type { WeightSource } from '../../src/nn/weights';
import { maxError, readGolden, shippedCases } from '../support/fixtures';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';

/** Whole networks on the static plan in half precision: as storage, and as arithmetic. */

const errors: string[] = [];
let context: GpuContext;
/** With the same device and the kernels that a hardware GPU with shader-f16 would be given. */
let halves: GpuContext;

// Shared tiles in float16 take lavapipe's compiler a minute on an idle machine.
describe.skipIf(!webgpuWanted)('half precision on webgpu', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    halves = new GpuContext(context.device, true, HARDWARE_F16, true);
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    for (const { memory } of [context, halves])
      expect(memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  it.each([
    'fashion-mnist-32x32-teacher',
    'fashion-mnist-32x32-gdd-i',
    'afhq-cat-64x64-teacher',
    'afhq-cat-64x64-gdd-i',
  ])('%s in half precision: storage, and arithmetic', async (id) => {
    const model = openModelArgument(id);
    const { latents, classes } = seedBatch(model.config, [0, 1], null);
    const sigmas = [80, 2.5, 0.05];
    const run = async (on: GpuContext, precision: WeightPrecision) => {
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, openWebGpu(on, precision));
      const images: Float32Array[] = [];
      for (const sigma of sigmas) {
        const x = latents.map((z) => z * sigma);
        images.push(await denoiser.denoise(x, sigma, classes));
      }
      const bytes = on.memory.breakdown().weights;
      denoiser.dispose();
      return { images, bytes };
    };
    const exact = await run(context, 'f32');
    for (const [what, on] of [
      ['storage', context],
      ['storage and arithmetic', halves],
    ] as const) {
      const half = await run(on, 'f16');
      expect(half.bytes / exact.bytes).toBeLessThan(0.56); // packed, but for biases and norms
      for (const [i, sigma] of sigmas.entries()) {
        const [found, expected] = [half.images[i]!, exact.images[i]!];
        const most = maxError(found, expected);
        const mean = expected.reduce((sum, v, k) => sum + Math.abs(v - found[k]!), 0) / expected.length;
        console.log(
          `${id}, float16 ${what}, sigma ${sigma}: at most ${most.toExponential(1)}, ${mean.toExponential(1)} on average`,
        );
        expect(most).toBeLessThanOrEqual(2e-2);
        expect(mean).toBeLessThanOrEqual(2e-3);
      }
    }
  });

  /** The same function as the mini ADM: its first layer is larger, up to `largest`, and norms forget that. */
  function enlarged(largest: number) {
    const { checkpoint, golden: path } = shippedCases().find((c) => /mini-adm/.test(c.name))!;
    const { config, weights } = openModel(fileSource(checkpoint));
    const golden = readGolden(path);
    const source: WeightSource = {
      names: () => weights.names(),
      shape: (name) => weights.shape(name),
      read: (name) => {
        const values = weights.read(name);
        if (!/enc\.16x16_conv\.weight$/.test(name)) return values;
        const factor = largest / values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
        return values.map((v) => v * factor);
      },
    };
    const open = async (on: GpuContext, precision: WeightPrecision) => {
      const spare = precision === 'f16' ? openWebGpu(on, 'f32') : null;
      const denoiser = await PlannedDenoiser.open(config, source, openWebGpu(on, precision), { spare });
      const x = golden.float('latents').map((z) => z * 80);
      const images = await denoiser.denoise(x, 80, golden.classes);
      const { onSpare } = denoiser;
      denoiser.dispose();
      return { images, onSpare };
    };
    return open;
  }

  it('gives way to float32 when halves overflow', async () => {
    const open = enlarged(1e8);
    const found = await open(context, 'f16');
    expect(found.onSpare).toBe(true);
    expect(found.images).toEqual((await open(context, 'f32')).images);
  });

  it('gives way to float32 when sums of halves overflow, though the weights do not', async () => {
    const open = enlarged(6e4);
    expect((await open(context, 'f16')).onSpare).toBe(false);
    const found = await open(halves, 'f16');
    expect(found.onSpare).toBe(true);
    expect(found.images).toEqual((await open(halves, 'f32')).images);
  });
});
