import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { startNodeThread } from '../../cli/threads';
import { openModel } from '../../src/engine/model';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { openWasm } from '../../src/nn/plan/wasm-executor';
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
  },
);
