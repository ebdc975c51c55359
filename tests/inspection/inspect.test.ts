import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { sampleImages } from '../../src/engine/inference/sampling';
import { inspectTable, sweep } from '../../src/engine/layers/inspect';
import { ActivationTable, QUANTITIES } from '../../src/lib/activations';
import type { BackendName } from '../../src/lib/backends';
import { karrasLevels } from '../../src/lib/noise-levels';
import { unetBlocks } from '../../src/nn/blocks';
import { inspectionRows } from '../../src/nn/inspection/rows';
import { clipSigmas, defaultSampling } from '../../src/nn/samplers';
import { observe } from '../../src/nn/tf/observe';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';
import { MINI_NETWORKS, openMini } from './mini';

const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
describe.each(backends)('inspection on %s', (backend) => {
  beforeAll(() => openBackend(backend));

  describe.each(MINI_NETWORKS)('%s', (name) => {
    const { model, denoiser } = openMini(name);
    const golden = readGolden(join(FIXTURES, 'parity', `${name}.golden.safetensors`));
    const batch = { latents: golden.float('latents'), classes: golden.classes };
    const sigmas = [80, 2.5, 0.05];

    it.skipIf(backend === 'cpu')('numbers do not depend on how many samples go at a time', async () => {
      const sigmas = [80, 0.05];
      for (const input of ['noise', 'trajectory'] as const) {
        const options = { sigmas, quantities: QUANTITIES, parts: false, spectra: 2, input };
        const tables = [1, 8].map(
          () => new ActivationTable(inspectionRows(model.config.unet, false), sigmas),
        );
        for (const [i, most] of [1, 8].entries())
          for await (const step of sweep(denoiser, batch, options, most)) tables[i]!.add(step.samples);
        const [apart, together] = tables as [ActivationTable, ActivationTable];
        for (const row of apart.rows.keys())
          for (const level of sigmas.keys()) {
            for (const quantity of QUANTITIES) {
              const [a, b] = [apart, together].map((t) => Float32Array.from(t.samples(quantity, row, level)));
              expect(a!.length).toBe(b!.length);
              expect(maxError(a!, b!)).toBeLessThan(1e-4 * Math.max(1, ...b!.map(Math.abs)));
            }
            const spectra = [apart, together].map((t) => Float32Array.from(t.spectrum(row, level) ?? []));
            expect(maxError(spectra[0]!, spectra[1]!)).toBeLessThan(1e-4 * Math.max(1e-6, ...spectra[1]!));
          }
        expect(apart.spectrumSamples('image', 1)).toBe(2);
        expect(together.spectrumSamples('image', 1)).toBe(2);
      }
    });

    it('every quantity equals a plain loop over the captured values', async () => {
      const options = {
        sigmas,
        quantities: QUANTITIES,
        parts: true,
        spectra: 0,
        input: 'noise' as const,
      };
      const table = await inspectTable(denoiser, batch, options);
      const heads = new Map(
        unetBlocks(model.config.unet).map((b) => [b.name, b.kind === 'block' && b.heads]),
      );
      const scale = model.config.unet.modelType === 'SongUNet' ? Math.SQRT1_2 : 1;
      const seen = new Map<string, Map<string, Float32Array>>();
      const n = batch.classes!.length;
      for (const sigma of sigmas) {
        const { values } = await observe(
          denoiser,
          batch.latents.map((z) => z * sigma),
          sigma,
          batch.classes,
          { see: (key, value, record) => record(key, value) },
        );
        seen.set(String(sigma), values);
      }
      const rms = (v: ArrayLike<number>) =>
        Math.sqrt(Array.from(v).reduce((a, b) => a + b * b, 0) / v.length);
      const sample = (v: Float32Array, i: number) => v.subarray((i * v.length) / n, ((i + 1) * v.length) / n);
      for (const [row, { name: key, part, block, channels, resolution }] of table.rows.entries())
        for (const [level, sigma] of sigmas.entries())
          for (let i = 0; i < n; i++) {
            const at = (k: string, s = sigma) => sample(seen.get(String(s))!.get(k)!, i);
            const value = at(key);
            expect(value.length).toBe(channels * resolution ** 2);
            const got = (q: (typeof QUANTITIES)[number]) => table.samples(q, row, level)[i];
            expect(got('rms')! / rms(value)).toBeCloseTo(1, 3);
            if (part === null && heads.get(block) !== false) {
              const passed = at(`${key}.skip`).map((v) => v * (heads.get(block) ? scale ** 2 : scale));
              const added = value.map((v, j) => v - passed[j]!);
              expect(got('residual')! / (rms(added) / rms(passed))).toBeCloseTo(1, 3);
            } else expect(got('residual')).toBeUndefined();
            if (part === null && level > 0) {
              const before = at(key, sigmas[level - 1]);
              const change = value.reduce((a, v, j) => a + Math.abs(v - before[j]!), 0) / value.length;
              expect(got('change')! / change).toBeCloseTo(1, 3);
            } else expect(got('change')).toBeUndefined();
            const entropy = got('entropy');
            if (part === null && heads.get(block)) {
              expect(entropy).toBeGreaterThan(0);
              expect(entropy).toBeLessThanOrEqual(1.00001);
            } else expect(entropy).toBeUndefined();
            expect(got('active')).toBeGreaterThan(0);
          }
    });

    it('a trajectory ends where the sampler does', async () => {
      const steps = backend === 'cpu' ? 2 : 3; // plain JavaScript takes ten times as long
      const levels = karrasLevels(steps, 0.002, 80);
      const table = await inspectTable(denoiser, batch, {
        sigmas: levels,
        quantities: ['rms'],
        parts: false,
        spectra: 100,
        input: 'trajectory',
      });
      // The last evaluation's denoised image is what Euler's last step to 0 gives.
      const options = clipSigmas(model.config, { ...defaultSampling(16), sampler: 'heun' as const, steps });
      const images = await sampleImages(denoiser, batch, options);
      const { imgResolution: r, outChannels: c } = model.config.unet;
      const power = table.spectrum('image', steps - 1)!;
      const n = batch.classes!.length;
      const means = Array.from({ length: n * c }, (_, i) =>
        images.subarray(i * r * r, (i + 1) * r * r).reduce((a, b) => a + b / (r * r), 0),
      );
      const mean = means.reduce((a, v) => a + v * v, 0) / means.length;
      expect(power[0]! / mean).toBeCloseTo(1, 2);
      expect(power).toHaveLength(r / 2 + 1);
    });
  });
});
