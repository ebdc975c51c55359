import { batchSize } from '../../src/engine/inference/batching';
import { inputBatch } from '../../src/engine/inference/inputs';
import { imagesToBytes } from '../../src/engine/inference/pixels';
import { sampleImages } from '../../src/engine/inference/sampling';
import type { ArrayData } from '../../src/formats/npy';
import { writeNpz } from '../../src/formats/npz';
import { encodePng } from '../../src/formats/png';
import type { ActiveBackend } from '../../src/gpu/backends';
import { type ClassMix, sharesOf } from '../../src/lib/class-mix';
import { classIn, classSource, mixIn, type SharedClass } from '../../src/lib/classes';
import { InnateError } from '../../src/lib/errors';
import { footText, type RowFigures } from '../../src/lib/row-caption';
import { formatRowSpec, type RowSpec } from '../../src/lib/row-spec';
import { defaultSteps, evaluations, START_SIGMA } from '../../src/lib/sampling';
import { drawSheet, type SheetRow } from '../../src/lib/sheet/sheet';
import { backendLine, counted } from '../../src/lib/words';
import { parameterCount } from '../../src/nn/parameters';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { defaultSampling, type SamplerOptions } from '../../src/nn/samplers';
import { parseSeeds } from '../../src/rng/parse-seeds';
import type { CatalogueModel } from '../../src/storage/catalogue';
import { measuredFd, reportedFid } from '../../src/storage/catalogue-figures';
import { type BackendChoice, openBackend } from '../backend';
import { type OpenedModel, openModelArgument, readCatalogue } from '../catalogue';
import { classOf, type NamedClasses } from '../class-argument';
import { classesOf } from '../class-mix-argument';
import { checkWritable, writeAtomic } from '../files';
import type { Report } from '../report';
import { rowArgument } from '../row-argument';
import { makeDenoiser } from '../session';
import { checkWholeSeeds } from '../whole-seeds';

export interface CompareOptions {
  json?: boolean;
  backend: BackendChoice;
  seeds: string;
  class?: string;
  temperature?: number;
  out: string;
}

/** A row before its images are made. */
interface Row {
  spec: RowSpec;
  model: OpenedModel;
  entry: CatalogueModel | null;
  list: NamedClasses;
  class: SharedClass;
  /** What each image's class is mixed with. */
  mix: ClassMix;
  sampling: SamplerOptions;
}

interface MadeRow extends Row {
  /** [N, R, R, C]. */
  bytes: Uint8Array;
  labels: Int32Array | null;
  /** Milliseconds of an image. */
  ms: number;
}

/** A sheet is read by people: what does not fit a screen goes into an .npz. */
const SHEET = { rows: 8, seeds: 64 } as const;

/** innate compare: images of several models from the same seeds, as a sheet with captions or an .npz. */
export async function compare(
  models: readonly string[],
  options: CompareOptions,
  report: Report,
): Promise<void> {
  const kind = outputKind(options.out);
  const seeds = parseSeeds(options.seeds);
  checkWritable(options.out);
  const rows = openRows(models, options.class);
  checkFits(kind, rows, seeds);
  for (const { model, spec, class: own } of rows) {
    for (const note of model.notes) report.note(`note: ${formatRowSpec(spec)}: ${note}`);
    if (own.missing) report.note(`note: ${formatRowSpec(spec)}: ${lackText(model)}`);
  }
  const active = await openBackend(options.backend, (line) => report.note(line));
  const { made, backend } = await makeRows(
    rows,
    { seeds, temperature: options.temperature ?? 1 },
    active,
    report,
  );
  const figures = made.map((row) => figuresOf(row));
  if (kind === 'png') await writeSheet(options, made, figures, seeds, backend);
  else await writeArrays(options, made, seeds);
  report.result(
    [
      `${options.out}: ${counted(seeds.length, 'image')} of ${counted(made.length, 'row')}`,
      ...made.map(({ spec, ms }) => `  ${formatRowSpec(spec)}: ${ms.toFixed(1)} ms an image`),
    ].join('\n'),
    {
      out: options.out,
      backend,
      seeds,
      rows: made.map((row, i) => resultOf(row, figures[i]!)),
    },
  );
}

function outputKind(out: string): 'png' | 'npz' {
  if (/\.png$/i.test(out)) return 'png';
  if (/\.npz$/i.test(out)) return 'npz';
  throw new InnateError('bad-argument', 'cannot tell what to write', {
    where: `--out ${out}`,
    expected: 'a name ending in .png or .npz',
  });
}

/** Every model is opened before any image is made: what is wrong is known at once. */
function openRows(texts: readonly string[], chosen: string | undefined): Row[] {
  const catalogue = readCatalogue();
  const opened = texts.map((text) => {
    const spec = rowArgument(text);
    const model = openModelArgument(spec.model, spec.sigma === null ? {} : { sigma: spec.sigma });
    const { labelDim, imgResolution } = model.config.unet;
    const own = defaultSampling(imgResolution, model);
    const sampling = {
      ...own,
      sampler: spec.sampler ?? own.sampler,
      steps: spec.steps ?? defaultSteps(imgResolution),
    };
    const entry = catalogue.models.find((m) => m.id === model.id) ?? null;
    return {
      spec,
      model,
      entry,
      sampling,
      list: { labelDim, classes: model.classes, synonyms: model.synonyms },
    };
  });
  const shared = chooseClass(
    chosen,
    opened.map((row) => row.list),
  );
  return opened.map((row, i) => ({ ...row, ...shared[i]! }));
}

/** --class, by the names or indices of the first model that has classes, for every model. */
function chooseClass(
  text: string | undefined,
  lists: readonly NamedClasses[],
): { class: SharedClass; mix: ClassMix }[] {
  const source = classSource(lists);
  if (text === undefined) return lists.map(() => ({ class: { index: null, missing: false }, mix: [] }));
  if (!source)
    throw new InnateError('bad-argument', 'none of these models has classes', { where: `--class ${text}` });
  // A name may be that of a later model's class only; a number is the first one's.
  const list = lists.find((l) => l.labelDim > 0 && classOf(text, l) !== null) ?? source;
  const { classIndex, mix } = classesOf(text, list);
  return lists.map((other) => {
    const own = classIn(other, classIndex, list);
    const mixed = mixIn(other, mix, list);
    return { class: { index: own.index, missing: own.missing || mixed.missing }, mix: mixed.mix };
  });
}

const lackText = ({ config }: OpenedModel): string =>
  config.unet.labelDim === 0 ? 'no classes' : 'lacks this class: random';

function checkFits(kind: 'png' | 'npz', rows: readonly Row[], seeds: readonly number[]): void {
  if (kind === 'png') {
    if (rows.length > SHEET.rows || seeds.length > SHEET.seeds)
      throw new InnateError('bad-argument', 'too much for a sheet', {
        expected: `at most ${SHEET.rows} models and ${SHEET.seeds} seeds`,
        found: `${rows.length} models and ${seeds.length} seeds`,
        hint: 'Write an .npz, which holds any number',
      });
    return;
  }
  const sizes = rows.map(({ model }) => sizeText(model));
  if (sizes.some((size) => size !== sizes[0]))
    throw new InnateError('mismatch', 'an .npz holds images of one size, and these models differ', {
      expected: 'models of one resolution and number of channels',
      found: rows.map(({ spec }, i) => `${spec.model}: ${sizes[i]}`).join(', '),
      hint: 'Write a .png, where each is scaled by a whole multiple',
    });
  checkWholeSeeds(seeds, 'a .png');
}

const sizeText = ({ config: { unet } }: OpenedModel): string =>
  `${unet.imgResolution}x${unet.imgResolution}x${unet.outChannels}`;

/** Row after row, one model in memory at a time. */
async function makeRows(
  rows: readonly Row[],
  { seeds, temperature }: { seeds: number[]; temperature: number },
  active: ActiveBackend,
  report: Report,
): Promise<{ made: MadeRow[]; backend: string }> {
  const total = rows.reduce((sum, row) => sum + evaluations(row.sampling) * seeds.length, 0);
  const made: MadeRow[] = [];
  let backend = '';
  let before = 0;
  for (const row of rows) {
    const { model, sampling } = row;
    const { denoiser, label } = await makeDenoiser(model, model.weights, active, report);
    if (backend === '') {
      report.backend({ ...active, label });
      backend = backendLine({ ...active, label });
    }
    try {
      // Compiling and packing are not what an image takes.
      if (denoiser instanceof PlannedDenoiser)
        await denoiser.prepare(Math.min(seeds.length, batchSize(model.config)));
      const batch = inputBatch(model.config, {
        seeds,
        classIndex: row.class.index,
        mix: row.mix,
        temperature,
      });
      const started = performance.now();
      const images = await sampleImages(denoiser, batch, sampling, {
        onProgress: ({ done }) => report.progress(before + done, total),
      });
      const ms = (performance.now() - started) / seeds.length;
      const { outChannels, imgResolution } = model.config.unet;
      made.push({
        ...row,
        bytes: imagesToBytes(images, outChannels, imgResolution),
        labels: batch.classes,
        ms,
      });
    } finally {
      denoiser.dispose();
    }
    before += evaluations(sampling) * seeds.length;
  }
  return { made, backend };
}

function figuresOf({ model, entry, sampling, spec, ms }: MadeRow): RowFigures {
  const { sampler, steps, sigmaMax: sigma } = sampling;
  const ownSigma = spec.sigma === null || spec.sigma === (entry?.sigma ?? START_SIGMA);
  const way = { sampler, steps, ownSigma };
  return {
    name: entry?.name ?? model.id,
    role: entry?.role ?? 'unknown',
    sampler,
    steps,
    sigma,
    ms,
    parameters: parameterCount(model.config.unet),
    paper: entry && reportedFid(entry),
    here: entry && measuredFd(entry, way),
  };
}

function resultOf({ spec, model, sampling, class: own }: MadeRow, figures: RowFigures) {
  return {
    model: model.id,
    row: formatRowSpec(spec),
    sampler: sampling.sampler,
    steps: sampling.sampler === 'heun' ? sampling.steps : null,
    nfe: evaluations(sampling),
    sigma: figures.sigma,
    class: own.index,
    ms: figures.ms,
    parameters: figures.parameters,
    reported: figures.paper,
    quality: figures.here,
  };
}

function writeSheet(
  { out, seeds: list }: CompareOptions,
  rows: readonly MadeRow[],
  figures: readonly RowFigures[],
  seeds: readonly number[],
  backend: string,
): Promise<void> {
  const named = rows.find((row) => row.class.index !== null);
  const classText = named ? `, ${classWords(named)}` : '';
  const sheet = drawSheet({
    heads: seeds.map((seed) => `seed ${seed}${classText}`),
    foot: footText(backend, figures),
    rows: rows.map((row, i) => sheetRow(row, figures[i]!, seeds.length)),
  });
  const text = {
    software: 'innate',
    models: rows.map(({ spec }) => formatRowSpec(spec)).join(' '),
    seeds: list,
  };
  return writeAtomic(out, [encodePng({ ...sheet, channels: 3, text })]);
}

/** Names of a row's classes, with their weights where they are mixed. */
function classWords({ list, class: own, mix }: MadeRow): string {
  const name = (index: number) => list.classes?.[index] ?? `class ${index}`;
  if (mix.length === 0) return name(own.index!);
  return sharesOf(own.index!, mix)
    .map(({ index, weight }) => `${weight} ${name(index)}`)
    .join(', ');
}

function sheetRow({ model, bytes, class: own }: MadeRow, figures: RowFigures, count: number): SheetRow {
  const { imgResolution: resolution, outChannels } = model.config.unet;
  const size = bytes.length / count;
  return {
    figures,
    note: own.missing ? lackText(model) : null,
    images: Array.from({ length: count }, (_, i) => ({
      resolution,
      channels: outChannels === 1 ? 1 : 3,
      data: bytes.subarray(i * size, (i + 1) * size),
    })),
  };
}

/** images uint8 [models, seeds, H, W, C], seeds, labels (-1: the model has none) and names. */
function writeArrays(
  { out }: CompareOptions,
  rows: readonly MadeRow[],
  seeds: readonly number[],
): Promise<void> {
  const { imgResolution: r, outChannels: channels } = rows[0]!.model.config.unet;
  const images = new Uint8Array(rows.length * rows[0]!.bytes.length);
  const labels = new BigInt64Array(rows.length * seeds.length).fill(-1n);
  for (const [i, row] of rows.entries()) {
    images.set(row.bytes, i * row.bytes.length);
    if (row.labels)
      labels.set(
        BigInt64Array.from(row.labels, (k) => BigInt(k)),
        i * seeds.length,
      );
  }
  const arrays: Record<string, ArrayData> = {
    images: { dtype: 'u8', shape: [rows.length, seeds.length, r, r, channels], data: images },
    seeds: { dtype: 'i64', shape: [seeds.length], data: BigInt64Array.from(seeds, (s) => BigInt(s)) },
    labels: { dtype: 'i64', shape: [rows.length, seeds.length], data: labels },
    names: { dtype: 'text', shape: [rows.length], data: rows.map(({ spec }) => formatRowSpec(spec)) },
  };
  return writeAtomic(out, [writeNpz(arrays)]);
}
