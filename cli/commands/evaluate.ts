import { basename, resolve } from 'node:path';
import { skippedLine, skippedReasons } from '../../src/data';
import { fillStore } from '../../src/engine/measure/image-blocks';
import { INCEPTION_FILES, openInception } from '../../src/engine/measure/inception-file';
import {
  FEATURE_WORDS,
  type MeasureNetwork,
  openMeasureNetwork,
} from '../../src/engine/measure/measure-networks';
import { measureSets, type Reference } from '../../src/engine/measure/measurement';
import { realReference } from '../../src/engine/measure/real-images';
import { readStatistics } from '../../src/engine/measure/statistics-file';
import { InnateError } from '../../src/lib/errors';
import { whole } from '../../src/lib/words';
import { METRIC_NAMES, type MetricName } from '../../src/protocol/measure';
import { readCatalogue } from '../catalogue';
import { featureWeights, openImages, READ_ONCE, storedChannels } from '../data';
import { checkWritable, fileSource } from '../files';
import type { MeasureFlags } from '../measure-options';
import { metricLines, savedFeatures } from '../measure-output';
import { FolderStore, fileMark } from '../measure-store';
import { givenImages, isImages, ofModel, type Subject } from '../measure-subject';
import type { CommonOptions, SamplingFlags } from '../options';
import type { Report } from '../report';
import { datasetNamed, farOff, otherKind } from '../same-kind';

export interface EvaluateOptions extends CommonOptions, SamplingFlags, MeasureFlags {}

/** Images of each set of seeds, and how many such sets. */
function amount({ protocol, count }: MeasureFlags): { perSet: number; sets: number } {
  if (protocol === 'edm') return { perSet: count ?? 50_000, sets: 3 };
  return { perSet: count ?? (protocol === 'quick' ? 5000 : 1000), sets: 1 };
}

/** innate evaluate: FID and its kin of a model's images, or of given ones, against real ones. */
export async function evaluate(argument: string, options: EvaluateOptions, report: Report): Promise<void> {
  if (options.saveFeatures) checkWritable(options.saveFeatures);
  const { perSet, sets } = amount(options);
  const subject = isImages(argument)
    ? await givenImages(argument, options.count, options, report)
    : await ofModel(argument, options, perSet * sets, options.protocol, report);
  const net = await openNetwork(options, subject);
  const metrics = whichMetrics(options, net);
  const real = await realImages(net, subject, options, metrics, report);
  const warnings = [...real.warnings];
  const generated = storeOf(subject.mark, subject, net, options);
  if (generated.count > 0) report.note(`going on from ${whole(generated.count)} images`);
  report.note(subject.set ? 'measuring the images' : `generating ${whole(perSet * sets)} images`);
  await fillStore(net, subject.images, generated, { logits: wantsLogits(net), onProgress: report.progress });
  report.endProgress();
  const size = subject.set ? generated.count : perSet;
  const found = await measureSets(
    Array.from({ length: subject.set ? 1 : sets }, (_, i) => ({
      store: generated,
      from: i * size,
      to: (i + 1) * size,
    })),
    real.reference,
    metrics.filter((name) => real.can.has(name)),
    { onWhat: (what) => report.note(`computing: ${what}`) },
  );
  const far = farOff(found);
  if (far) warnings.push(far);
  for (const text of warnings) report.note(`warning: ${text}`);
  if (options.saveFeatures) await savedFeatures(options.saveFeatures, generated, real.reference, subject);
  const onInception = options.features.features === 'inception';
  const features = FEATURE_WORDS[options.features.features];
  const { fid } = found.metrics;
  const skipped = [...real.skipped, ...(subject.set?.skipped ?? [])];
  if (skipped.length > 0) report.note(skippedLine(skipped));
  report.result(
    [
      ...metricLines(found.metrics, onInception),
      `${features}; n ${whole(size)}${sets > 1 ? ` of each of ${sets} sets of seeds` : ''}${subject.how}, against ${real.reference.words}. Spread ${found.spread.toFixed(2)} of real images'.${onInception ? '' : ' Not the Inception FID.'}`,
    ].join('\n'),
    {
      ...subject.about,
      metric: 'frechet',
      features,
      protocol: options.protocol ?? null,
      ...(fid && { value: fid.value, error: fid.error, floor: fid.floor }),
      n: size,
      reference: real.reference.words,
      metrics: found.metrics,
      spread: found.spread,
      shift: found.shift,
      read: real.read,
      skipped: skipped.length,
      reasons: skippedReasons(skipped),
      backend: subject.backend,
      warnings,
    },
  );
  net.dispose();
  generated.remove();
  real.store?.remove();
}

function openNetwork(
  { features: { features, file }, protocol }: MeasureFlags,
  { plan }: Subject,
): Promise<MeasureNetwork> {
  const input = protocol === 'pytorch-fid' ? 'pytorch-fid' : 'tensorflow-1';
  return openMeasureNetwork({
    features,
    weights: featureWeights,
    inception: file === null ? null : openInception(fileSource(file)),
    input,
    plan,
  });
}

/** Logits are kept wherever there are some: a run that goes on may be asked for the score later. */
const wantsLogits = (net: MeasureNetwork): boolean => net.classes !== undefined;

/** What was asked for; where nothing was, what can be had. */
function whichMetrics({ metrics }: MeasureFlags, net: MeasureNetwork): readonly MetricName[] {
  if (metrics?.includes('is') && net.classes === undefined)
    throw new InnateError('bad-argument', 'the Inception score needs the Inception network', {
      where: '--metrics is',
      expected: '--features inception:FILE',
      hint: `Its file is ${INCEPTION_FILES[0]}`,
    });
  return metrics ?? METRIC_NAMES.filter((name) => name !== 'is' || net.classes !== undefined);
}

/** Vectors of images on their way, kept in the user's cache. */
const storeOf = (
  mark: unknown,
  { channels, resolution, backend }: Subject,
  net: MeasureNetwork,
  { features, protocol }: MeasureFlags,
): FolderStore =>
  FolderStore.open(
    [
      mark,
      [channels, resolution, backend],
      [features.features, features.file && fileMark(features.file), protocol === 'pytorch-fid'],
    ],
    net.dims,
  );

interface Real {
  reference: Reference;
  /** Metrics that it allows. */
  can: ReadonlySet<MetricName>;
  read: number;
  skipped: readonly { name: string; reason: string }[];
  warnings: string[];
  store: FolderStore | null;
}

async function realImages(
  net: MeasureNetwork,
  subject: Subject,
  options: MeasureFlags,
  metrics: readonly MetricName[],
  report: Report,
): Promise<Real> {
  const { data: path, protocol } = options;
  const statistics = /\.npz$/i.test(path) ? readStatistics(fileSource(path), net.dims) : null;
  if (statistics) {
    const lacking = options.metrics?.find((name) => name === 'kid' || name === 'pr');
    if (lacking)
      throw new InnateError('bad-argument', 'mean and covariance are not enough for this metric', {
        where: `--metrics ${lacking}`,
        expected: 'real images as --data',
        found: basename(path),
      });
    const reference = {
      statistics,
      vectors: null,
      heldOut: null,
      words: `the statistics in ${basename(path)}`,
    };
    const can = new Set(metrics.filter((name) => name === 'fid' || name === 'is'));
    return { reference, can, read: 0, skipped: [], warnings: [], store: null };
  }
  const { channels, resolution } = subject;
  const data = await openImages(path, { channels, resolution, ...READ_ONCE }, report);
  const warning = subject.kind && (await unlike(subject.kind, path, data));
  report.note('measuring real images');
  const store = storeOf(['real', fileMark(path)], subject, net, options);
  const everything = protocol === 'edm' && options.reference === undefined;
  const shares = everything
    ? { reference: data.size, heldOut: 0 }
    : { reference: options.reference ?? 5000, heldOut: heldOut(subject, options) };
  const reference = await realReference(net, data, store, shares, {
    logits: wantsLogits(net),
    onProgress: report.progress,
  });
  report.endProgress();
  return {
    reference,
    can: new Set(metrics),
    read: reference.read,
    skipped: data.skipped,
    warnings: warning ? [warning] : [],
    store,
  };
}

/** As many as are generated: distances of fewer images are larger. */
const heldOut = (subject: Subject, options: MeasureFlags): number =>
  subject.set ? subject.images.total : amount(options).perSet;

async function unlike(
  kind: NonNullable<Subject['kind']>,
  path: string,
  { labelDim, classes }: { labelDim: number; classes: readonly string[] | null },
): Promise<string | null> {
  const dataset = datasetNamed(basename(resolve(path)), readCatalogue());
  return otherKind(kind, { dataset, labelDim, classes, channels: await storedChannels(path) });
}
