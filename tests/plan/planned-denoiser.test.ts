import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { openModel } from '../../src/engine/models/open-model';
import { unetBlocks } from '../../src/nn/blocks';
import { planNetwork, RESULT } from '../../src/nn/plan/network-plan';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { externalCases, maxError, readGolden, shippedCases } from '../support/fixtures';
import { openReference, ReferenceExecutor, size } from './reference-executor';

/** The fused plan in plain TypeScript against PyTorch: whatever is wrong here is wrong in the plan. */
describe.each([...shippedCases(), ...(process.env.INNATE_SLOW ? externalCases() : [])])(
  'plan of $name',
  ({ checkpoint, golden: path }) => {
    const model = openModel(fileSource(checkpoint));
    const golden = readGolden(path);
    const latents = golden.float('latents');

    it.each([80, 2.5, 0.05])('D(x, sigma) at sigma %d', async (sigma) => {
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, openReference);
      const images = await denoiser.denoise(
        latents.map((z) => z * sigma),
        sigma,
        golden.classes,
      );
      const expected = golden.float(`output_sigma_${sigma}`);
      const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      expect(maxError(images, expected)).toBeLessThanOrEqual(Math.max(1e-4, 2e-6 * largest));
      denoiser.dispose();
    });

    it('keeping every block leaves the result as it is', async () => {
      const { unet } = model.config;
      const blocks = unetBlocks(unet).flatMap((b) =>
        b.kind === 'block' ? [b.name, `${b.name}.affine`] : [b.name],
      );
      const inputs = (plan: ReturnType<typeof planNetwork>) =>
        new Map(
          [...plan.inputs].map(([name, value]) => [
            name,
            Float32Array.from({ length: size(value) }, (_, i) => Math.sin(i * 1.3 + name.length)),
          ]),
        );
      const plain = planNetwork(unet, model.weights);
      const kept = planNetwork(unet, model.weights, { keep: blocks });
      const a = await new ReferenceExecutor(plain, model.weights, 1).run(inputs(plain));
      const b = await new ReferenceExecutor(kept, model.weights, 1).run(inputs(kept));
      expect(maxError(a.get(RESULT)!, b.get(RESULT)!)).toBeLessThan(1e-5);
      expect([...b.keys()].sort()).toEqual([RESULT, ...blocks].sort());
    });
  },
);

describe('PlannedDenoiser', () => {
  const model = openModel(fileSource(shippedCases()[0]!.checkpoint));

  it('keeps a few executors and frees the oldest, then all', async () => {
    const alive = new Set<number>();
    let networks = 0;
    const denoiser = await PlannedDenoiser.open(model.config, model.weights, async (whole, weights) => {
      networks++;
      const network = await openReference(whole, weights);
      return {
        bytes: 5,
        dispose: () => networks--,
        prepare: async (plan, batch) => {
          const executor = await network.prepare(plan, batch);
          alive.add(batch);
          return { run: (i) => executor.run(i), bytes: batch, dispose: () => alive.delete(batch) };
        },
      };
    });
    for (const batch of [1, 2, 3, 4, 1, 5]) await denoiser.prepare(batch);
    expect([...alive].sort()).toEqual([1, 3, 4, 5]);
    expect(denoiser.bytes).toBe(18);
    denoiser.dispose();
    expect([alive.size, networks]).toEqual([0, 0]);
  });

  it('refuses an input of another size', async () => {
    const denoiser = await PlannedDenoiser.open(model.config, model.weights, openReference);
    await expect(denoiser.denoise(new Float32Array(7), 1, null)).rejects.toThrow(/does not fit/);
  });
});
