import { configMetadata } from '../../src/engine/models/export';
import { type TensorData, writeSafetensors } from '../../src/formats/safetensors';
import { configFromKwargs } from '../../src/nn/config';
import { parameterSpecs } from '../../src/nn/parameters';

/** A small ADM network of a thousand classes at 64 x 64, untrained, as the bytes of a .safetensors file. */
export function tinyAdm(): Buffer {
  const config = configFromKwargs(
    new Map<string, unknown>([
      ['model_type', 'DhariwalUNet'],
      ['img_resolution', 64],
      ['img_channels', 3],
      ['label_dim', 1000],
      ['model_channels', 16],
      ['channel_mult', [1, 1, 1]],
      ['num_blocks', 1],
      ['attn_resolutions', [1]],
    ]),
    'EDMPrecond',
  );
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of parameterSpecs(config.unet))
    tensors.set(name, {
      dtype: 'f32',
      shape,
      bytes: () =>
        new Uint8Array(
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i) / 8).buffer,
        ),
    });
  return Buffer.concat([...writeSafetensors({ tensors, metadata: configMetadata(config) })]);
}
