import { type Batch, imageSize, sampleImages } from '../../src/engine/inference/sampling';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { readFloat32, readInt32 } from '../../src/formats/tensor';
import { InnateError } from '../../src/lib/errors';
import type { NetworkConfig } from '../../src/nn/config';
import { checkWritable, fileSource, writeAtomic } from '../files';
import { type CommonOptions, type SamplingFlags, samplerOptions } from '../options';
import type { Report } from '../report';
import { openSession } from '../session';

export interface RunOptions extends CommonOptions, SamplingFlags {
  latents: string;
  out: string;
}

/** innate run: a checkpoint on given latents, its images as float32 before clipping. */
export async function run(checkpoint: string, options: RunOptions, report: Report): Promise<void> {
  checkWritable(options.out);
  const { model, denoiser, backend } = await openSession(checkpoint, options, report);
  const { config } = model;
  const batch = readLatents(options.latents, config);
  const started = performance.now();
  const sampling = samplerOptions(options, model);
  const images = await sampleImages(denoiser, batch, sampling, {
    onProgress: ({ done, total }) => report.progress(done, total),
  });
  const seconds = (performance.now() - started) / 1000;
  const { imgResolution: r, outChannels: c } = config.unet;
  const shape = [images.length / (c * r * r), c, r, r];
  await writeAtomic(
    options.out,
    writeSafetensors({
      tensors: new Map([
        [
          'images',
          {
            dtype: 'f32' as const,
            shape,
            bytes: () => new Uint8Array(images.buffer, images.byteOffset, images.byteLength),
          },
        ],
      ]),
      metadata: new Map([
        ['sampler', sampling.sampler],
        ['sigma', String(model.sigma)],
      ]),
    }),
  );
  report.result(`${options.out}: images [${shape.join(', ')}], ${seconds.toFixed(1)} s`, {
    out: options.out,
    shape,
    seconds,
    backend,
    precond: config.precond,
    notes: model.notes,
  });
}

/** `latents` [N, C, R, R] and, for conditional networks, `class_index` [N] of a .safetensors file. */
export function readLatents(path: string, config: NetworkConfig): Batch {
  const { tensors } = readSafetensors(fileSource(path));
  const ref = tensors.get('latents');
  const { imgResolution: r, inChannels: c, labelDim } = config.unet;
  const expected = `[N, ${c}, ${r}, ${r}]`;
  if (!ref)
    throw new InnateError('mismatch', 'no latents in the file', {
      where: path,
      expected: `a tensor latents ${expected}`,
    });
  const [n, ...rest] = ref.shape;
  if (rest.length !== 3 || rest[0] !== c || rest[1] !== r || rest[2] !== r || !n)
    throw new InnateError('mismatch', 'the latents do not fit the network', {
      where: path,
      expected,
      found: `[${ref.shape.join(', ')}]`,
    });
  const latents = readFloat32(ref);
  if (latents.length !== n * imageSize(config) || latents.some((v) => !Number.isFinite(v)))
    throw new InnateError('bad-file', 'the latents hold values that are not numbers', {
      where: path,
      hint: 'latents are unit noise',
    });
  return {
    latents,
    classes: labelDim === 0 ? null : readClasses(path, tensors.get('class_index'), n, labelDim),
  };
}

function readClasses(
  path: string,
  ref: Parameters<typeof readInt32>[0] | undefined,
  n: number,
  labelDim: number,
): Int32Array | null {
  if (!ref) return null; // a conditional network without labels: all zeros, as published
  const classes = readInt32(ref);
  const bad = classes.findIndex((k) => k < 0 || k >= labelDim);
  if (ref.shape.length !== 1 || classes.length !== n)
    throw new InnateError('mismatch', 'class_index does not fit the latents', {
      where: path,
      expected: `[${n}]`,
      found: `[${ref.shape.join(', ')}]`,
    });
  if (bad >= 0)
    throw new InnateError('bad-argument', 'no such class', {
      where: `${path}, class_index[${bad}]`,
      expected: `an index from 0 to ${labelDim - 1}`,
      found: String(classes[bad]),
    });
  return classes;
}
