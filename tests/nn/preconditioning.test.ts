import { unzipSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { sampleImages } from '../../src/engine/inference/sampling';
import { configMetadata, exportWhole } from '../../src/engine/models/export';
import type { Model } from '../../src/engine/models/model';
import { openModel } from '../../src/engine/models/open-model';
import { writeSafetensors } from '../../src/formats/safetensors';
import { bufferSource } from '../../src/formats/source';
import { readFloat32 } from '../../src/formats/tensor';
import { Denoiser } from '../../src/nn/denoiser';
import { iddpmLevels } from '../../src/nn/iddpm';
import { clipSigmas, defaultSampling } from '../../src/nn/samplers';
import { concat, failure, fixtureBytes } from '../formats/helpers';
import { maxError } from '../support/fixtures';
import { readNpz } from '../support/npz';

/** Small networks in preconditionings of other projects, against PyTorch (tests/fixtures/make_checkpoints.py). */
const files = unzipSync(fixtureBytes('checkpoints.zip'));
const golden = readNpz(bufferSource(files['golden.npz']!, 'golden.npz'));
const values = (name: string) => readFloat32(golden.get(name)!);
const source = (name: string) => bufferSource(files[name]!, name);
const SIGMAS = [80, 2.5, 0.3];

async function images(model: Model, sigma: number, sampler: 'one-step' | 'heun' = 'one-step') {
  const denoiser = Denoiser.open(model.config, model.weights);
  const options = { ...defaultSampling(8), sampler, sigmaMax: sigma, steps: 4 };
  const made = await sampleImages(denoiser, { latents: values('latents'), classes: null }, options);
  denoiser.dispose();
  return made;
}

/** Rounding grows with what the network's output is multiplied by. */
const bound = (expected: Float32Array) => 2e-6 * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1);

async function parity(model: Model, name: string): Promise<void> {
  for (const sigma of SIGMAS) {
    const expected = values(`${name}.${sigma}`);
    expect(maxError(await images(model, sigma), expected), `sigma ${sigma}`).toBeLessThan(bound(expected));
  }
}

beforeAll(async () => {
  await openBackend('cpu');
});

describe('formulas of other projects, exactly', () => {
  it('D2OPrecond is GDDPrecond', async () => {
    const model = openModel(source('d2o.pkl'));
    expect(model.config.precond).toBe('GDDPrecond');
    expect(model.notes.join()).toMatch(/D2OPrecond is GDDPrecond/);
    await parity(model, 'd2o');
  });

  it('ECMPrecond shifts by its own sigma_min', async () => {
    const model = openModel(source('ecm.pkl'));
    expect(model.config).toMatchObject({ precond: 'ECMPrecond', sigmaShift: 0.25 });
    await parity(model, 'ecm');
  });

  it.each(['iddpm.pkl', 'iddpm-state.pt'])(
    'iDDPMPrecond takes the noise of what it gives: %s',
    async (name) => {
      const model = openModel(source(name));
      expect(model.config.precond).toBe('iDDPMPrecond');
      await parity(model, 'iddpm');
    },
  );

  it("iDDPMPrecond's levels are those of the file, or computed alike", () => {
    const { iddpm } = openModel(source('iddpm.pkl')).config;
    expect(iddpm!.levels).toEqual(values('iddpm.u'));
    const computed = iddpmLevels(1000, 0.001, 0.008);
    for (const [j, level] of values('iddpm.u').entries())
      expect(Math.abs(computed[j]! - level), `u[${j}]`).toBeLessThanOrEqual(1e-4 * level);
  });

  it("the sampler's schedule is rounded to levels that the network has", async () => {
    const model = openModel(source('iddpm.pkl'));
    const expected = values('iddpm.heun');
    expect(maxError(await images(model, 80, 'heun'), expected)).toBeLessThan(50 * bound(expected));
    const { levels } = model.config.iddpm!;
    expect(levels).toContain(clipSigmas(model.config, defaultSampling(8)).round!(3.21));
  });

  it.each(['d2o.pkl', 'ecm.pkl', 'iddpm.pkl'])('%s written and read again is the same', async (name) => {
    const model = openModel(source(name));
    const tensors = exportWhole(model.config, model.published ?? model.weights, 'f32');
    const bytes = concat(writeSafetensors({ tensors, metadata: configMetadata(model.config) }));
    const again = openModel(bufferSource(bytes, 'again.safetensors'));
    expect(again.config).toEqual(model.config);
    expect(maxError(await images(again, 2.5), await images(model, 2.5))).toBe(0);
    // Heads keep the channels that the published class loads.
    for (const key of model.weights.names())
      if (key !== 'u' && !key.endsWith('resample_filter'))
        expect(tensors.get(key)?.shape, key).toEqual((model.published ?? model.weights).shape(key));
  });

  it('another formula can be chosen for a class that is not known, where it fits', () => {
    const text = new TextDecoder('latin1').decode(files['ecm.pkl']!);
    const renamed = Uint8Array.from(text.replace('ECMPrecond', 'XYZPrecond'), (c) => c.charCodeAt(0));
    const unknown = bufferSource(renamed, 'unknown.pkl');
    const { detail } = failure(() => openModel(unknown));
    expect(detail.found).toContain('XYZPrecond');
    expect(detail.choose!.from).toContain('ECMPrecond');
    expect(detail.choose!.from).not.toContain('iDDPMPrecond'); // its network gives too few channels
    expect(openModel(unknown, { precond: 'ECMPrecond' }).config.sigmaShift).toBe(0.25);
  });
});

describe('a parameter that decides the architecture', () => {
  const parameters = (path: string, keep: (name: string) => boolean) => {
    const { config, weights } = openModel(bufferSource(fixtureBytes(path), path));
    const tensors = exportWhole(config, weights, 'f32');
    for (const name of [...tensors.keys()]) if (!keep(name)) tensors.delete(name);
    const bytes = concat(writeSafetensors({ tensors }));
    return () => openModel(bufferSource(bytes, 'parameters.safetensors'));
  };

  it('is not guessed from its absence', () => {
    const noBuffers = parameters('parity/ncsnpp-16-grey-ve.pkl', (name) => !name.endsWith('freqs'));
    expect(noBuffers).toThrow('cannot be told from its tensors');
    const error = failure(noBuffers);
    expect([error.code, error.detail.where]).toEqual(['bad-file', 'model.map_noise.freqs']);
  });

  it('is told by what is there, and filters that are taken as published are said', () => {
    const ncsnpp = parameters('parity/ncsnpp-16-grey-ve.pkl', () => true)();
    expect(ncsnpp.config.unet).toMatchObject({ embeddingType: 'fourier', resampleFilter: [1, 3, 3, 1] });
    expect(ncsnpp.notes.join()).toMatch(/no buffers.*\[1,3,3,1\]/);
    const whole = openModel(bufferSource(fixtureBytes('parity/ncsnpp-16-grey-ve.pkl'), 'whole.pkl'));
    expect(whole.notes.join()).not.toMatch(/no buffers/);
  });
});
