import { basename } from 'node:path';
import { inputBatch } from '../../src/engine/inference/inputs';
import { imagesToBytes } from '../../src/engine/inference/pixels';
import { sampleImages } from '../../src/engine/inference/sampling';
import type { ArrayData } from '../../src/formats/npy';
import { writeNpz } from '../../src/formats/npz';
import { encodePng } from '../../src/formats/png';
import { InnateError } from '../../src/lib/errors';
import { imageGrid } from '../../src/lib/image-grid';
import { counted } from '../../src/lib/words';
import type { OpenedModel } from '../catalogue';
import { checkWritable, writeAtomic, writeFolderAtomic } from '../files';
import { type InputFlags, imageInputs, readAsked } from '../image-inputs';
import { type CommonOptions, type SamplingFlags, samplerOptions } from '../options';
import type { Report } from '../report';
import { openSession, type Session } from '../session';
import { checkWholeSeeds } from '../whole-seeds';

export interface GenerateOptions extends CommonOptions, SamplingFlags, InputFlags {
  /** Names of an .npz: ours, or those that the public evaluators read. */
  npz: 'innate' | 'adm';
  columns?: number;
  out: string;
}

interface Generated {
  bytes: Uint8Array; // [N, R, R, C]
  seeds: number[];
  labels: Int32Array | null;
  /** Of mixed classes. */
  vectors: Float32Array | null;
}

/** innate generate: images of seeds, as a grid, an .npz, or a folder with one PNG a seed. */
export async function generate(argument: string, options: GenerateOptions, report: Report): Promise<void> {
  const kind = outputKind(options.out);
  const asked = readAsked(options);
  if (kind === 'npz' && asked) checkWholeSeeds(asked, 'a .png or a folder');
  checkWritable(options.out);
  const session = await openSession(argument, options, report);
  const { model, denoiser, backend } = session;
  const inputs = imageInputs(asked, options, model);
  const { seeds } = inputs;
  const batch = inputBatch(model.config, inputs);
  const started = performance.now();
  const images = await sampleImages(denoiser, batch, samplerOptions(options, model), {
    onProgress: ({ done, total }) => report.progress(done, total),
  });
  const seconds = (performance.now() - started) / 1000;
  const { outChannels, imgResolution } = model.config.unet;
  const generated = {
    bytes: imagesToBytes(images, outChannels, imgResolution),
    seeds,
    labels: batch.classes,
    vectors: batch.vectors ?? null,
  };
  await WRITERS[kind](options, session, generated);
  report.result(`${options.out}: ${counted(seeds.length, 'image')} of ${model.id}, ${seconds.toFixed(1)} s`, {
    out: options.out,
    model: model.id,
    count: seeds.length,
    seconds,
    backend,
    notes: model.notes,
  });
}

type OutputKind = 'png' | 'npz' | 'folder';

function outputKind(out: string): OutputKind {
  if (/\.png$/i.test(out)) return 'png';
  if (/\.npz$/i.test(out)) return 'npz';
  if (out.endsWith('/') || !/\.[a-z0-9]{1,12}$/i.test(out)) return 'folder';
  throw new InnateError('bad-argument', 'cannot tell what to write', {
    where: `--out ${out}`,
    expected: 'a name ending in .png or .npz, or a folder ending in /',
  });
}

const WRITERS: Record<
  OutputKind,
  (options: GenerateOptions, session: Session, generated: Generated) => Promise<void>
> = {
  png(options, { model }, { bytes, seeds }) {
    const { outChannels: channels, imgResolution: r } = model.config.unet;
    const grid = imageGrid(bytes, seeds.length, r, r, channels, options.columns);
    const text = { ...recipe(options, model), seeds: options.seeds ?? seeds.join() };
    return writeAtomic(options.out, [encodePng({ ...grid, channels, text })]);
  },
  npz(options, { model }, { bytes, seeds, labels, vectors }) {
    const { outChannels: channels, imgResolution: r } = model.config.unet;
    const adm = options.npz === 'adm';
    const arrays: Record<string, ArrayData> = {
      [adm ? 'arr_0' : 'images']: { dtype: 'u8', shape: [seeds.length, r, r, channels], data: bytes },
      seeds: {
        dtype: 'i64',
        shape: [seeds.length],
        data: BigInt64Array.from(seeds, (s) => BigInt(s)),
      },
    };
    if (labels)
      arrays[adm ? 'arr_1' : 'labels'] = {
        dtype: 'i64',
        shape: [seeds.length],
        data: BigInt64Array.from(labels, (k) => BigInt(k)),
      };
    if (vectors)
      arrays.class_vectors = {
        dtype: 'f32',
        shape: [seeds.length, vectors.length / seeds.length],
        data: vectors,
      };
    return writeAtomic(options.out, [writeNpz(arrays)]);
  },
  folder(options, { model }, { bytes, seeds, labels, vectors }) {
    const { outChannels: channels, imgResolution: r } = model.config.unet;
    const size = r * r * channels;
    const files = function* (): Generator<[name: string, bytes: Uint8Array]> {
      for (const [i, seed] of seeds.entries()) {
        const text = {
          ...recipe(options, model),
          seed: String(seed),
          ...(labels && { class: vectors ? (options.class ?? String(labels[i])) : String(labels[i]) }),
        };
        const png = encodePng({
          width: r,
          height: r,
          data: bytes.subarray(i * size, (i + 1) * size),
          channels,
          text,
        });
        yield [`${seedFileName(seed)}.png`, png];
      }
    };
    return writeFolderAtomic(options.out, files());
  },
};

/** 7 as 000007, 1.5 as 000001.5: sorted by name is sorted by seed. */
function seedFileName(seed: number): string {
  const [whole, fraction] = String(seed).split('.');
  return whole!.padStart(6, '0') + (fraction ? `.${fraction}` : '');
}

const recipe = (options: GenerateOptions, model: OpenedModel): Record<string, string> => ({
  software: 'innate',
  model: model.id,
  sampler: samplerOptions(options, model).sampler,
  sigma: String(model.sigma),
  ...(options.temperature !== undefined && { temperature: String(options.temperature) }),
  ...(options.latent !== undefined && { latent: basename(options.latent) }),
});
