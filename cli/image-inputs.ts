import { readLatentFile } from '../src/engine/inference/latent-file';
import { InnateError } from '../src/lib/errors';
import type { ImageInputs } from '../src/protocol/generate';
import type { LatentShape } from '../src/protocol/latents';
import { parseSeeds } from '../src/rng/parse-seeds';
import type { OpenedModel } from './catalogue';
import { type ChosenClasses, classesOf } from './class-mix-argument';
import { fileSource } from './files';

/** What images are made of, as the command line says it. */
export interface InputFlags {
  /** Needed unless latents are given. */
  seeds?: string;
  /** A class for all, or several with weights. */
  class?: string;
  temperature?: number;
  /** A file of latents in place of the seeds' noise. */
  latent?: string;
}

/** The seeds that were asked for, read before a model is opened; null where latents alone were. */
export function readAsked({ seeds, latent }: InputFlags): number[] | null {
  if (seeds !== undefined) return parseSeeds(seeds);
  if (latent !== undefined) return null;
  throw new InnateError('bad-argument', 'nothing says which images to make', {
    expected: '--seeds LIST, or --latent FILE',
  });
}

/** What the engine is told of the images. Throws what is wrong with a class, or with the file of latents. */
export function imageInputs(asked: number[] | null, flags: InputFlags, model: OpenedModel): ImageInputs {
  const { unet } = model.config;
  const shape = { channels: unet.inChannels, resolution: unet.imgResolution };
  const latents = flags.latent === undefined ? null : readLatents(flags.latent, asked, shape);
  const { temperature } = flags;
  return {
    // Without seeds an image has the class of its place, as if those were its seeds.
    seeds: asked ?? latents!.map((_, i) => i),
    ...chosenClasses(flags.class, model),
    ...(temperature !== undefined && { temperature }),
    ...(latents && { own: latents.map((values) => ({ noise: { kind: 'latent', values } as const })) }),
  };
}

function readLatents(path: string, asked: number[] | null, shape: LatentShape): Float32Array[] {
  const latents = readLatentFile(fileSource(path), shape);
  if (asked && asked.length !== latents.length)
    throw new InnateError('mismatch', 'there are not as many seeds as latents', {
      where: '--seeds',
      expected: String(latents.length),
      found: String(asked.length),
      hint: 'Seeds beside latents only say which class an image has: leave them out, or name one each',
    });
  return latents;
}

function chosenClasses(text: string | undefined, model: OpenedModel): ChosenClasses {
  if (text === undefined) return { classIndex: null, mix: [] };
  const { labelDim } = model.config.unet;
  if (labelDim === 0)
    throw new InnateError('bad-argument', 'this network has no classes', { where: `--class ${text}` });
  return classesOf(text, { labelDim, classes: model.classes, synonyms: model.synonyms });
}
