import { imagesToBytes } from '../../src/engine/inference/pixels';
import { sampleImages, seedBatch } from '../../src/engine/inference/sampling';
import type { ArrayData } from '../../src/formats/npy';
import { writeNpz } from '../../src/formats/npz';
import { encodePng } from '../../src/formats/png';
import { InnateError } from '../../src/lib/errors';
import { imageGrid } from '../../src/lib/image-grid';
import { counted } from '../../src/lib/words';
import { parseSeeds } from '../../src/rng/parse-seeds';
import type { OpenedModel } from '../catalogue';
import { classOf, noSuchClass } from '../class-argument';
import { checkWritable, writeAtomic, writeFolderAtomic } from '../files';
import { type CommonOptions, type SamplingFlags, samplerOptions } from '../options';
import type { Report } from '../report';
import { openSession, type Session } from '../session';

export interface GenerateOptions extends CommonOptions, SamplingFlags {
  seeds: string;
  class?: string;
  /** Names of an .npz: ours, or those that the public evaluators read. */
  npz: 'innate' | 'adm';
  columns?: number;
  out: string;
}

interface Generated {
  bytes: Uint8Array; // [N, R, R, C]
  seeds: number[];
  labels: Int32Array | null;
}

/** innate generate: images of seeds, as a grid, an .npz, or a folder with one PNG a seed. */
export async function generate(argument: string, options: GenerateOptions, report: Report): Promise<void> {
  const kind = outputKind(options.out);
  const seeds = parseSeeds(options.seeds);
  checkWritable(options.out);
  const session = await openSession(argument, options, report);
  const { model, denoiser, backend } = session;
  const chosen = chooseClass(options.class, session);
  const batch = seedBatch(model.config, seeds, chosen);
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
    const text = { ...recipe(options, model), seeds: options.seeds };
    return writeAtomic(options.out, [encodePng({ ...grid, channels, text })]);
  },
  npz(options, { model }, { bytes, seeds, labels }) {
    const { outChannels: channels, imgResolution: r } = model.config.unet;
    const adm = options.npz === 'adm';
    const arrays: Record<string, ArrayData> = {
      [adm ? 'arr_0' : 'images']: { dtype: 'u8', shape: [seeds.length, r, r, channels], data: bytes },
      seeds: {
        dtype: 'i64',
        shape: [seeds.length],
        data: BigInt64Array.from(seeds, (s) => BigInt(wholeSeed(s))),
      },
    };
    if (labels)
      arrays[adm ? 'arr_1' : 'labels'] = {
        dtype: 'i64',
        shape: [seeds.length],
        data: BigInt64Array.from(labels, (k) => BigInt(k)),
      };
    return writeAtomic(options.out, [writeNpz(arrays)]);
  },
  folder(options, { model }, { bytes, seeds, labels }) {
    const { outChannels: channels, imgResolution: r } = model.config.unet;
    const size = r * r * channels;
    const files = function* (): Generator<[name: string, bytes: Uint8Array]> {
      for (const [i, seed] of seeds.entries()) {
        const text = {
          ...recipe(options, model),
          seed: String(seed),
          ...(labels && { class: String(labels[i]) }),
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
});

function wholeSeed(seed: number): number {
  if (Number.isInteger(seed)) return seed;
  throw new InnateError('bad-argument', 'an .npz stores whole seeds', {
    where: '--seeds',
    found: String(seed),
    hint: 'Write a .png or a folder',
  });
}

function chooseClass(text: string | undefined, { model }: Session): number | null {
  if (text === undefined) return null;
  const { labelDim } = model.config.unet;
  if (labelDim === 0)
    throw new InnateError('bad-argument', 'this network has no classes', { where: `--class ${text}` });
  const list = { labelDim, classes: model.classes, synonyms: model.synonyms };
  const index = classOf(text, list);
  if (index === null) throw noSuchClass(text, list);
  return index;
}
