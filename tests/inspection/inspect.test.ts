import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { openModelArgument } from '../../cli/catalogue';
import { fileSource } from '../../cli/files';
import { clipSigmas, sampleImages, seedBatch } from '../../src/engine/inference/sampling';
import { compareBlocks, weightChange } from '../../src/engine/layers/compare';
import { inspectTable, sweep } from '../../src/engine/layers/inspect';
import { openModel } from '../../src/engine/models/open-model';
import { ActivationTable, activationsJson, QUANTITIES, readActivations } from '../../src/lib/activations';
import type { BackendName } from '../../src/lib/backends';
import { inspectionLevels, karrasLevels } from '../../src/lib/noise-levels';
import { unetBlocks } from '../../src/nn/blocks';
import { Denoiser } from '../../src/nn/denoiser';
import { BlockWatch } from '../../src/nn/inspection/block-watch';
import { inspectionRows } from '../../src/nn/inspection/rows';
import { defaultSampling } from '../../src/nn/samplers';
import { observe } from '../../src/nn/tf/observe';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const NETWORKS = ['mini-ncsnpp-16-cond', 'mini-adm-16-cond'] as const;

const open = (name: string) => {
  const model = openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
  return { model, denoiser: Denoiser.open(model.config, model.weights) };
};

describe.each(backends)('inspection on %s', (backend) => {
  beforeAll(() => openBackend(backend));

  describe.each(NETWORKS)('%s', (name) => {
    const { model, denoiser } = open(name);
    const golden = readGolden(join(FIXTURES, 'parity', `${name}.golden.safetensors`));
    const batch = { latents: golden.float('latents'), classes: golden.classes };
    const sigmas = [80, 2.5, 0.05];

    it.skipIf(backend === 'cpu')('numbers do not depend on how many samples go at a time', async () => {
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

    it('stops behind the captured layer, and gives the same values', async () => {
      const block = unetBlocks(model.config.unet).find((b) => b.kind === 'block')!.name;
      const x = batch.latents.map((z) => z * 80);
      const names: string[] = [];
      const whole = await observe(denoiser, x, 80, batch.classes, {
        images: true,
        see: (key, value, record) => key === block && record(key, value),
      });
      const before = tf.memory().numTensors;
      const early = await observe(denoiser, x, 80, batch.classes, {
        until: block,
        images: true,
        see: (key, value, record) => {
          names.push(key);
          if (key === block) record(key, value);
        },
      });
      expect(names.at(-1)).toBe(block);
      expect(names.some((k) => k.startsWith('dec.'))).toBe(false);
      expect(early.images).toBeNull();
      expect(early.values.get(block)).toEqual(whole.values.get(block));
      expect(maxError(whole.images!, golden.float('output_sigma_80'))).toBeLessThan(1e-4);
      expect(tf.memory().numTensors).toBe(before); // nothing is left of the pass that was broken off
    });

    it('a gain scales what a block adds, 1 changes nothing, 0 leaves its skip path', async () => {
      const block = unetBlocks(model.config.unet).findLast((b) => b.kind === 'block' && !b.heads)!.name;
      const x = batch.latents.map((z) => z * 80);
      const capture = async (gain: number) => {
        denoiser.setGains(new Map([[block, gain]]));
        const { values } = await observe(denoiser, x, 80, batch.classes, {
          see: (key, value, record) => key.startsWith(block) && record(key, value),
          until: block,
        });
        denoiser.setGains(new Map());
        return values;
      };
      const [none, one, two] = [await capture(0), await capture(1), await capture(2)];
      const conv1 = one.get(`${block}.conv1`)!;
      expect(
        maxError(
          two.get(`${block}.conv1`)!,
          conv1.map((v) => 2 * v),
        ),
      ).toBeLessThan(1e-4);
      const scale = model.config.unet.modelType === 'SongUNet' ? Math.SQRT1_2 : 1;
      const skip = one.get(`${block}.skip`)!.map((v) => v * scale);
      expect(maxError(none.get(block)!, skip)).toBeLessThan(1e-5);
      expect(maxError(one.get(block)!, none.get(block)!)).toBeGreaterThan(1e-3);
    });

    it('a trajectory ends where the sampler does', async () => {
      const steps = 4;
      const levels = karrasLevels(steps, 0.002, 80);
      const table = await inspectTable(denoiser, batch, {
        sigmas: levels,
        quantities: ['rms'],
        parts: false,
        spectra: 100,
        input: 'trajectory',
      });
      // The last evaluation's denoised image is what Euler's last step to 0 gives.
      const options = clipSigmas(model.config, { ...defaultSampling(16), sampler: 'heun', steps });
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

describe('teacher and student', () => {
  const teacher = openModelArgument('fashion-mnist-32x32-teacher');
  const student = openModelArgument('fashion-mnist-32x32-gdd-i');

  it('weights change where GDD-I trains and nowhere else', () => {
    const layers = weightChange(teacher.config.unet, teacher.weights, student.weights);
    const frozen = layers.filter((l) => l.frozen);
    expect(frozen.length).toBeGreaterThan(10);
    expect(frozen.every((l) => l.change === 0)).toBe(true);
    expect(frozen.every((l) => /\.(conv\d|proj)$/.test(l.name))).toBe(true);
    const moved = layers.filter((l) => !l.frozen && l.change! > 0);
    expect(moved.length).toBeGreaterThan(0.9 * (layers.length - frozen.length));
    const one = layers.find((l) => l.name.endsWith('.norm0'))!;
    const name = `model.${one.name}`;
    const values = (w: typeof teacher.weights) => [...w.read(`${name}.weight`), ...w.read(`${name}.bias`)];
    const [a, b] = [values(teacher.weights), values(student.weights)];
    const norm = (v: number[]) => Math.sqrt(v.reduce((s, x) => s + x * x, 0));
    expect(one.change).toBeCloseTo(norm(b.map((v, i) => v - a[i]!)) / norm(a), 6);
  });

  it('a network is most like itself at the level that it is shown', async () => {
    await openBackend('wasm');
    const denoiser = Denoiser.open(teacher.config, teacher.weights);
    const other = Denoiser.open(teacher.config, teacher.weights);
    const batch = seedBatch(teacher.config, [0, 1, 2, 3, 4, 5, 6, 7], null);
    const steps = [];
    for await (const step of compareBlocks(denoiser, other, batch, [80, 0.5], 80)) steps.push(step);
    expect(steps.map((s) => s.done)).toEqual([1, 2, 3]);
    const { cka, examples } = steps.at(-1)!.likeness!;
    expect(examples).toBe(8);
    const blocks = unetBlocks(teacher.config.unet);
    cka.forEach(([at80, low], b) => {
      // The teacher sees its own blur under the noise, which is almost nothing at 80.
      expect(at80, blocks[b]!.name).toBeGreaterThan(0.97);
      expect(low!).toBeLessThanOrEqual(at80! + 0.02);
    });
    expect(Math.min(...cka.map(([, low]) => low!))).toBeLessThan(0.95);
    denoiser.dispose();
    other.dispose();
  });
});

it('a written file reads as the same table', () => {
  const rows = inspectionRows(openModelArgument('fashion-mnist-32x32-teacher').config.unet, true);
  const levels = inspectionLevels('log', 3);
  const count = 2;
  const table = readActivations(activationsJson('x', emptyTable()));
  expect(table.rows.length).toBe(rows.filter((r) => r.part === null).length); // parts without numbers are left out

  function emptyTable() {
    const made = readActivations({ model: 'x', sigmas: levels, blocks: [] });
    expect(made.rows).toEqual([]);
    const filled = new (made.constructor as typeof import('../../src/lib/activations').ActivationTable)(
      rows,
      levels,
    );
    levels.forEach((_, level) => {
      const rms = Float32Array.from({ length: rows.length * count }, (_, i) =>
        rows[Math.floor(i / count)]!.part === null ? i + level / 4 : Number.NaN,
      );
      filled.add({ level, count, values: { rms } });
    });
    const again = readActivations(activationsJson('x', filled));
    expect(again.cell('rms', 0, 2)).toEqual({ mean: 1, spread: 0.5, count: 2 });
    expect(again.cell('entropy', 0, 2)).toBeNull();
    expect(again.samples('rms', 1, 1)).toHaveLength(2);
    return filled;
  }
});

it('observing every block’s rms costs at most a quarter of a plain pass', async () => {
  await openBackend('wasm');
  const model = openModelArgument('afhq-cat-64x64-teacher');
  const denoiser = Denoiser.open(model.config, model.weights);
  const { latents } = seedBatch(model.config, [0, 1], null);
  const x = latents.map((z) => z * 80);
  const rows = inspectionRows(model.config.unet, false);
  const watch = new BlockWatch(model.config.unet, { rows, quantities: ['rms'], spectra: 0 });
  // Time on the processor: other work on the machine does not count.
  const cost = async (pass: () => Promise<unknown>) => {
    const before = process.cpuUsage();
    await pass();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const plain = () => denoiser.denoise(x, 80, null);
  const observed = () => observe(denoiser, x, 80, null, { see: watch.see, images: true });
  await plain();
  await observed();
  const costs: [number, number][] = [];
  for (let i = 0; i < 7; i++) costs.push([await cost(plain), await cost(observed)]);
  const least = (k: 0 | 1) => Math.min(...costs.map((c) => c[k]));
  const ratio = least(1) / least(0);
  console.log(`plain ${least(0) / 1000} ms, observed ${least(1) / 1000} ms: ${ratio.toFixed(3)}`);
  expect(ratio).toBeLessThan(1.25);
  denoiser.dispose();
});
