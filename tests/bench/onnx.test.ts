import { join } from 'node:path';
import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { onnxModel } from '../../bench/onnx/model';
import { WEIGHTS_LOCATION } from '../../bench/onnx/weights-location';
import { precondition } from '../../bench/precondition';
import { fileSource } from '../../cli/files';
import { exportWhole } from '../../src/engine/models/export';
import { openModel } from '../../src/engine/models/open-model';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { bufferSource } from '../../src/formats/source';
import { fourierFrequencies } from '../../src/nn/denoiser';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

ort.env.logLevel = 'error';

/** The ONNX models that the benchmark gives to ONNX Runtime, run by it, against PyTorch's public classes. */
describe.each([
  ['mini-ncsnpp-16-cond', 'mini'], // residual encoder, [1,3,3,1] filter, classes
  ['mini-adm-16-cond', 'mini'], // scale and shift, several heads
  ['ddpmpp-skip-16-vp', 'parity'], // skip encoder and decoder
  ['ncsnpp-16-grey-ve', 'parity'], // one channel
])('%s', (name, folder) => {
  it('is the network that PyTorch runs', async () => {
    const { config, weights } = openModel(fileSource(join(FIXTURES, folder, `${name}.pkl`)));
    const golden = readGolden(join(FIXTURES, 'parity', `${name}.golden.safetensors`));
    const file = Buffer.concat([...writeSafetensors({ tensors: exportWhole(config, weights, 'f32') })]);
    const { tensors } = readSafetensors(bufferSource(file, name));
    const { unet } = config;
    const batch = golden.shape('latents')[0]!;
    const session = await ort.InferenceSession.create(onnxModel(unet, batch, tensors), {
      executionProviders: ['wasm'],
      externalData: [{ path: WEIGHTS_LOCATION, data: file }],
    });
    for (const sigma of [80, 2.5]) {
      const x = golden.float('latents').map((z) => z * sigma);
      const input = precondition(config, fourierFrequencies(config, weights), x, sigma, golden.classes);
      const feeds: Record<string, ort.Tensor> = {
        x: new ort.Tensor(input.x, [batch, unet.inChannels, unet.imgResolution, unet.imgResolution]),
        noise: new ort.Tensor(input.noise, [batch, input.noise.length / batch]),
      };
      if (input.labels) feeds.labels = new ort.Tensor(input.labels, [batch, unet.labelDim]);
      const { F } = await session.run(feeds);
      const expected = golden.float(`output_sigma_${sigma}`);
      const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
      expect(maxError(input.denoised(F!.data as Float32Array), expected)).toBeLessThan(1e-5 * scale);
    }
    await session.release();
  });
});
