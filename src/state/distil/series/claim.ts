import { type DistilConfig, isAdversarial } from '../../../distil/config';
import { InnateError } from '../../../lib/errors';
import type { RowFigures } from '../../../lib/row-caption';
import { defaultSteps, SIGMA_MID } from '../../../lib/sampling';
import type { SheetRow } from '../../../lib/sheet/sheet';
import type { EngineClient } from '../../../protocol/client';
import type { ModelRef } from '../../../protocol/models';
import type { RunDetail } from '../../../protocol/runs';
import { methodText } from '../fields';
import type { SeriesMember } from './series';

/**
 * The paper's first claim as a picture: what copying the teacher image by image comes to, and what learning from real
 * images alone does, on the same budget and the same seeds, beside the teacher's own many steps.
 */

/** The runs of the comparison; the page's own freeze and two steps would be a second difference. */
export const claimMembers = (withCd: boolean): SeriesMember[] => [
  { label: 'GDD-I', changes: { method: 'gdd-i', freeze: null, nfe: 1 } },
  { label: 'Imitation', changes: { method: 'imitation', freeze: null, nfe: 1 } },
  ...(withCd ? [{ label: 'CD', changes: { method: 'cd', freeze: null, nfe: 1 } } as SeriesMember] : []),
];

/** Whether runs set the two against each other, so that their picture shows the claim. */
export const showsClaim = (configs: readonly Pick<DistilConfig, 'method'>[]): boolean =>
  new Set(configs.map(({ method }) => isAdversarial(method))).size === 2;

/** RGBA images of seeds, one after the other. */
export interface Pictures {
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** Heun steps that made them. */
  steps: number;
}

/**
 * The teacher's many-step images of the seeds that the students' samples have, from the noise level where those start:
 * what imitation copies. Classes in turn, as there. Throws a `cancelled` error where something else was asked of the engine meanwhile.
 */
export async function teacherPictures(
  client: Pick<EngineClient, 'load' | 'generate'>,
  teacher: ModelRef,
  seeds: readonly number[],
  sigma: number,
): Promise<Pictures> {
  const { labelDim, resolution } = await client.load(teacher);
  const steps = defaultSteps(resolution);
  const size = resolution ** 2 * 4;
  const pixels = new Uint8ClampedArray(seeds.length * size);
  const classes = labelDim > 0 ? [...new Set(seeds.map((_, i) => i % labelDim))] : [null];
  for (const classIndex of classes) {
    const places = seeds.flatMap((_, i) => (classIndex === null || i % labelDim === classIndex ? [i] : []));
    const outcome = await client.generate(
      {
        model: teacher,
        seeds: places.map((i) => seeds[i]!),
        classIndex,
        sampler: 'heun',
        steps,
        sigma,
        sigmaMid: SIGMA_MID,
      },
      {
        onImages: (chunk) => {
          for (const [k, index] of chunk.indices.entries())
            pixels.set(chunk.pixels.subarray(k * size, (k + 1) * size), places[index]! * size);
        },
      },
    );
    if (outcome !== 'complete') throw new InnateError('cancelled', 'the teacher’s images were not finished');
  }
  return { pixels, resolution, steps };
}

/** A row of the picture: whose images, how they were made, their distance. */
export interface ClaimRow {
  key: string;
  figures: RowFigures;
  /** RGBA, one seed after the other; null = not made yet. */
  pixels: Uint8ClampedArray | null;
}

/** The rows: the teacher in many steps, then what copies it, then what does not. Only runs that have samples. */
export function claimRows(details: readonly RunDetail[], teacher: Pictures | null): ClaimRow[] {
  const runs = details
    .filter(({ samples }) => samples.length > 0)
    .sort(
      (a, b) => Number(isAdversarial(a.record.config.method)) - Number(isAdversarial(b.record.config.method)),
    );
  const [first] = runs;
  if (!first) return [];
  const { about, plan } = first.record;
  const parameters = plan?.parameters ?? null;
  const many: ClaimRow = {
    key: 'teacher',
    figures: {
      name: about.teacherName,
      role: 'teacher',
      sampler: 'heun',
      steps: teacher?.steps ?? defaultSteps(about.resolution),
      sigma: first.record.config.startSigma,
      ms: null,
      parameters,
      paper: null,
      here: null,
    },
    pixels: teacher?.pixels ?? null,
  };
  return [many, ...runs.map((run) => studentRow(run, parameters))];
}

function studentRow({ record, samples, curve }: RunDetail, parameters: number | null): ClaimRow {
  const { config, about, plan, request } = record;
  const newest = samples.at(-1)!;
  // The distance of the very student whose images are shown, or the last one before it.
  const measured = curve
    .filter(({ images, frechet }) => frechet !== undefined && images <= newest.images)
    .at(-1);
  const at = measured && measured.images !== newest.images ? `, measured at ${measured.images}` : '';
  return {
    key: about.id,
    figures: {
      name: `${about.series?.label ?? methodText(config)}, ${newest.images} images${at}`,
      role: 'student',
      sampler: config.nfe === 2 ? 'two-step' : 'one-step',
      steps: 1,
      sigma: config.startSigma,
      ms: null,
      parameters,
      paper: null,
      here:
        measured?.frechet === undefined || !plan
          ? null
          : {
              value: measured.frechet,
              error: measured.frechetError ?? null,
              nfe: config.nfe,
              features: plan.features,
              n: request.measureImages,
            },
    },
    pixels: newest.pixels,
  };
}

/** What stands under the picture, whole sentences. */
export function claimFoot(details: readonly RunDetail[]): string {
  const record = details[0]?.record;
  if (!record) return '';
  const { about, config, plan } = record;
  const floor =
    plan?.floor == null ? '' : ` Held-out real images are at ${Number(plan.floor.toPrecision(3))}.`;
  const one =
    plan?.teacherOneStep == null
      ? ''
      : ` The teacher’s own first step, where every student began, is at ${Number(plan.teacherOneStep.toPrecision(3))}.`;
  const { measureImages } = record.request;
  const on = plan && measureImages > 0 ? ` Distances on ${plan.features}, n ${measureImages}.` : '';
  return (
    `The same noise in every column; ${about.dataName}, batch ${config.batch}, the same images and order for all.` +
    `${one}${floor}${on}`
  );
}

/** The picture's rows as a captioned sheet has them, the first `columns` seeds. */
export const claimSheetRows = (rows: readonly ClaimRow[], resolution: number, columns: number): SheetRow[] =>
  rows.map(({ figures, pixels }) => ({
    figures,
    note: null,
    images: Array.from({ length: columns }, (_, i) => {
      const size = resolution ** 2 * 4;
      return pixels && { resolution, channels: 4, data: pixels.subarray(i * size, (i + 1) * size) };
    }),
  }));
