import { basename } from 'node:path';
import { type Dataset, skippedLine } from '../../src/data';
import type { ImageBlock } from '../../src/engine/measure/extract';
import { openInception } from '../../src/engine/measure/inception-file';
import { withSmallPixels } from '../../src/engine/measure/joint-network';
import { FEATURE_WORDS, openMeasureNetwork } from '../../src/engine/measure/measure-networks';
import type { NearestFound } from '../../src/engine/measure/memorisation';
import { type NearestImages, nearestImages, queriesOf } from '../../src/engine/measure/nearest-images';
import { encodePng } from '../../src/formats/png';
import { InnateError } from '../../src/lib/errors';
import { drawNearestSheet } from '../../src/lib/sheet/nearest-sheet';
import type { SheetImage } from '../../src/lib/sheet/page';
import { counted, whole } from '../../src/lib/words';
import { parseSeeds } from '../../src/rng/parse-seeds';
import { featureWeights, openImages, READ_ONCE } from '../data';
import { checkWritable, fileSource, writeAtomic } from '../files';
import type { FeaturesChoice } from '../measure-options';
import { FolderStore, fileMark } from '../measure-store';
import { chosenImages } from '../measure-subject';
import type { CommonOptions, SamplingFlags } from '../options';
import type { Report } from '../report';

export interface NearestOptions extends CommonOptions, SamplingFlags {
  data: string;
  seeds: string;
  features: FeaturesChoice | 'pixels';
  out: string;
}

/** Training images beside each generated one. */
const NEAR = 4;

/** innate nearest: the training images that generated ones are nearest to, and whether that is nearer than real images are. */
export async function nearest(argument: string, options: NearestOptions, report: Report): Promise<void> {
  if (!/\.png$/i.test(options.out))
    throw new InnateError('bad-argument', 'cannot tell what to write', {
      where: `--out ${options.out}`,
      expected: 'a name ending in .png',
    });
  checkWritable(options.out);
  const seeds = parseSeeds(options.seeds);
  const { block, name, backend, plan } = await chosenImages(argument, seeds, options, report);
  const { channels, resolution } = block;
  const data = await openImages(options.data, { channels, resolution, ...READ_ONCE }, report);
  const { features } = options;
  const opened =
    features === 'pixels'
      ? null
      : await openMeasureNetwork({
          features: features.features,
          weights: featureWeights,
          inception: features.file === null ? null : openInception(fileSource(features.file)),
          plan,
        });
  const net = opened && withSmallPixels(opened, data);
  // The features of a training set serve every model of it: they stay in the cache.
  const mark = features === 'pixels' ? null : [features.features, features.file && fileMark(features.file)];
  const store =
    net &&
    FolderStore.open(['training with pixels', fileMark(options.data), channels, resolution, mark], net.dims);
  report.note(net ? 'looking at the training images' : 'comparing pixels');
  const started = performance.now();
  const space = net && store && { net, store };
  const found = await nearestImages(await queriesOf(block, space), data, space, NEAR, {
    onProgress: report.progress,
  });
  report.endProgress();
  const seconds = (performance.now() - started) / 1000;
  net?.dispose();
  const spaceName =
    features === 'pixels' ? 'pixels, root mean square of 0 to 255' : FEATURE_WORDS[features.features];
  const lines = summary(found, data, spaceName);
  await writeSheet(options, { found, data, block, seeds, lines });
  if (data.skipped.length > 0) report.note(skippedLine(data.skipped));
  report.result(
    `${lines.join('\n')}\n${options.out}: ${counted(seeds.length, 'image')} of ${name}, ${seconds.toFixed(1)} s`,
    {
      model: name,
      out: options.out,
      features: spaceName,
      searched: found.searched,
      heldOut: found.real.length,
      copying: found.copying,
      suspects: found.suspects,
      images: found.images.map((image, i) => ({
        seed: seeds[i],
        quantile: image.quantile,
        ratio: image.ratio,
        ratioQuantile: image.ratioQuantile,
        ...(image.inPixels && {
          inPixels: {
            ...image.inPixels,
            near: { index: found.index(image.inPixels.near.place), distance: image.inPixels.near.distance },
          },
        }),
        suspect: image.suspect,
        nearest: image.near.map(({ place, distance }) => ({ index: found.index(place), distance })),
      })),
      real: { median: middle(found.real), smallest: found.real[0], largest: found.real.at(-1) },
      seconds,
      read: found.searched,
      skipped: data.skipped.length,
      backend,
    },
  );
}

const middle = (sorted: Float64Array): number => sorted[sorted.length >> 1]!;

/** It says "no sign", never "none": what is not found in one space may be in another. */
function summary(found: NearestImages, data: Dataset, space: string): string[] {
  const { images, suspects, copying, real, searched } = found;
  const where = images[0]?.inPixels ? ', in these features or in pixels' : '';
  const verdict = copying
    ? `Sign of copying: ${whole(suspects)} of ${whole(images.length)} images are nearer to a training image, in itself or beside their next ones${where}, than 99 % of real images are to another`
    : `No sign of copying: ${whole(suspects)} of ${whole(images.length)} images are nearer, in itself or beside their next ones${where}, than 99 % of real images are`;
  return [
    `${verdict} (1 % would be by chance).`,
    `${whole(searched)} images of ${data.name} searched, ${whole(real.length)} real images as the yardstick; ${space}.`,
  ];
}

interface Drawn {
  found: NearestImages;
  data: Dataset;
  block: ImageBlock;
  seeds: readonly number[];
  lines: readonly string[];
}

async function writeSheet(
  { out }: NearestOptions,
  { found, data, block, seeds, lines }: Drawn,
): Promise<void> {
  const rows = [];
  for (const [i, image] of found.images.entries())
    rows.push({
      name: `seed ${seeds[i]}`,
      place: placeOf(image),
      suspect: image.suspect,
      image: generatedImage(block, i),
      near: await Promise.all(
        image.near.map(async ({ place, distance }) => ({
          image: await trainingImage(data, found.index(place)),
          distance: distance.toPrecision(3),
        })),
      ),
    });
  const sheet = drawNearestSheet(rows, lines);
  await writeAtomic(out, [
    encodePng({ ...sheet, channels: 3, text: { software: 'innate', data: basename(data.name) } }),
  ]);
}

const placeOf = ({ quantile: byDistance, ratioQuantile, suspect }: NearestFound): string => {
  const share = suspect ? Math.min(byDistance, ratioQuantile) : byDistance;
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} % of real nearer${suspect ? ': look' : ''}`;
};

function generatedImage({ values, channels, resolution }: ImageBlock, i: number): SheetImage {
  const size = channels * resolution ** 2;
  return planar(
    values.subarray(i * size, (i + 1) * size).map((v) => Math.round((v + 1) * 127.5)),
    channels,
    resolution,
  );
}

async function trainingImage(data: Dataset, index: number): Promise<SheetImage> {
  const { pixels } = (await data.read(index))!;
  return planar(pixels, data.channels, data.resolution);
}

/** [C, R, R] as a picture of a sheet. */
function planar(values: ArrayLike<number>, channels: number, resolution: number): SheetImage {
  const area = resolution ** 2;
  const data = new Uint8Array(channels * area);
  for (let c = 0; c < channels; c++)
    for (let p = 0; p < area; p++) data[p * channels + c] = values[c * area + p]!;
  return { resolution, channels: channels === 1 ? 1 : 3, data };
}
