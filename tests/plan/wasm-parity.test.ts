import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { startNodeThread } from '../../cli/threads';
import { openModel } from '../../src/engine/models/open-model';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { openWasm } from '../../src/nn/plan/wasm/executor';
import { externalCases, maxError, readGolden, shippedCases } from '../support/fixtures';

/** The SIMD kernels on whole networks against PyTorch. */
describe.each([...shippedCases(), ...externalCases()])(
  '$name on SIMD kernels',
  ({ checkpoint, golden: path }) => {
    const model = openModel(fileSource(checkpoint));
    const golden = readGolden(path);
    const latents = golden.float('latents');

    it.each([80, 2.5, 0.05])('D(x, sigma) at sigma %d', async (sigma) => {
      const expected = golden.float(`output_sigma_${sigma}`);
      const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const results: Float32Array[] = [];
      for (const threads of [1, 2, 7]) {
        const open = openWasm({ threads, startThread: startNodeThread });
        const denoiser = await PlannedDenoiser.open(model.config, model.weights, open);
        results.push(
          await denoiser.denoise(
            latents.map((z) => z * sigma),
            sigma,
            golden.classes,
          ),
        );
        denoiser.dispose();
      }
      const error = maxError(results[0]!, expected);
      expect(error).toBeLessThanOrEqual(Math.max(5e-5, 2e-6 * largest));
      for (const other of results.slice(1)) expect(other).toEqual(results[0]);
    });

    it('root mean square of every block, at the price of a read', async () => {
      const blocks = JSON.parse(golden.metadata.get('blocks')!) as string[];
      const open = openWasm({ threads: 2, startThread: startNodeThread });
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, open);
      const x = latents.map((z) => z * 80);
      const watch = { rms: blocks, images: true };
      const { images, rms } = await denoiser.observe(x, 80, golden.classes, watch);
      denoiser.dispose();
      const samples = golden.shape('latents')[0]!;
      const expected = golden.float('block_rms_sigma_80');
      for (const [b, name] of blocks.entries())
        for (let n = 0; n < samples; n++)
          expect(Math.abs(rms.get(name)![n]! / expected[b * samples + n]! - 1)).toBeLessThan(1e-3);
      const output = golden.float('output_sigma_80');
      const largest = output.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      expect(maxError(images!, output)).toBeLessThanOrEqual(Math.max(5e-5, 2e-6 * largest));
    });
  },
);
