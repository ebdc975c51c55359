import { existsSync } from 'node:fs';
import { type Dataset, skippedLine, skippedReasons } from '../../src/data';
import { fitMicroBatch } from '../../src/distil/batch-memory';
import { type DistilConfig, partSize } from '../../src/distil/config';
import { executorLine } from '../../src/distil/executor';
import { freezeFacts } from '../../src/distil/freeze';
import { studentNetwork } from '../../src/distil/student-network';
import { Diverged } from '../../src/engine/distil/errors';
import { DistilRun } from '../../src/engine/distil/run';
import { FrechetMeasure } from '../../src/engine/measure/frechet';
import { openMeasureNetwork } from '../../src/engine/measure/measure-networks';
import { configMetadata, exportWhole } from '../../src/engine/models/export';
import { openClassTable, openFeatureFile } from '../../src/engine/models/feature-file';
import { decodeState, encodeState, type SavedRun } from '../../src/engine/runs/state';
import { studentMetadata } from '../../src/engine/runs/student';
import { writeSafetensors } from '../../src/formats/safetensors';
import { asInnateError, InnateError } from '../../src/lib/errors';
import { backendLine, counted } from '../../src/lib/words';
import { openBackend } from '../backend';
import { type OpenedModel, openModelArgument } from '../catalogue';
import { featureWeights, openData } from '../data';
import { completeCommand, type DistilCommand, type DistilOptions, remember } from '../distil-command';
import { runConfig } from '../distil-config';
import { freezeLine, logLine, trimLog } from '../distil-log';
import { checkWritable, fileSource, writeAtomic } from '../files';
import { endProcess, onInterrupt } from '../interrupt';
import { fileOptions } from '../options';
import { recordedGraphs } from '../recorded-graphs';
import type { Report } from '../report';

/** innate distil: a one-step student from a teacher, saved as it goes. */
export async function distil(options: DistilOptions, report: Report): Promise<void> {
  const saved = options.resume ? readState(options.resume) : undefined;
  const command = completeCommand(options, saved?.meta);
  checkWritable(command.out);
  if (command.log) checkWritable(command.log);
  const job = await openJob(options, command, saved, report);
  await train(job, report);
  await writeStudent(job, command.out);
  conclude(job, report);
  job.run.dispose();
}

/** A run, what it was asked for and where it goes. */
interface Job {
  run: DistilRun;
  saved: SavedRun | undefined;
  command: DistilCommand;
  config: DistilConfig;
  teacher: OpenedModel;
  data: Dataset;
  statePath: string;
}

/** Opens the networks, the images and the back-end, and starts the run, or goes on with the saved one. */
async function openJob(
  options: DistilOptions,
  command: DistilCommand,
  saved: SavedRun | undefined,
  report: Report,
): Promise<Job> {
  const { precond, entry, studentEntry, measureImages, measureEvery } = command;
  const teacher = openModelArgument(command.teacher, fileOptions({ precond, entry }));
  const student = command.student
    ? openModelArgument(command.student, fileOptions({ entry: studentEntry }))
    : undefined;
  for (const { notes } of student ? [teacher, student] : [teacher])
    for (const note of notes) report.note(`note: ${note}`);
  const second = command.secondFeatures ? openFeatureFile(fileSource(command.secondFeatures)) : undefined;
  const wanted = runConfig(
    options,
    { saved: saved?.meta.config, student, secondFeatures: second?.name },
    (text) => report.note(`note: ${text}`),
  );
  const table =
    !saved && command.classEmbeddings ? openClassTable(fileSource(command.classEmbeddings)) : undefined;
  report.note(freezeLine(freezeFacts(wanted, teacher.config.unet)));
  const data = await openData(command.data, teacher.config, report);
  const active = await openBackend(options.backend, (line) => report.note(line));
  report.backend(active);
  const config = fitMicroBatch(wanted, teacher.config.unet.imgResolution, active.name);
  if (partSize(config) < config.batch)
    report.note(`gradients in parts of ${counted(partSize(config), 'image')}: batch statistics are per part`);
  const measure =
    measureImages > 0
      ? await FrechetMeasure.against(
          await openMeasureNetwork({ features: 'resnet56', weights: featureWeights }),
          data,
          measureImages,
          1000,
        )
      : undefined;
  const run = await DistilRun.start({
    teacher,
    ...(student && { student }),
    data,
    config,
    features: featureWeights,
    ...(second && { secondFeatures: second.weights }),
    ...(table && { classTable: table }),
    backend: backendLine(active),
    ...(measure && { measure: async () => measure }),
    recordedSteps: recordedGraphs(active),
    measureImages,
    measureEvery,
    ...(saved && { saved }),
    command: remember(command),
  });
  if (saved && saved.meta.config.dtype !== config.dtype)
    report.note(
      `the run so far was ${PRECISIONS[saved.meta.config.dtype]}; from here on it is ${PRECISIONS[config.dtype]}`,
    );
  report.note(executorLine(run.facts));
  return { run, saved, command, config, teacher, data, statePath: `${command.out}.state` };
}

/** In what steps compute, in words. */
const PRECISIONS: Readonly<Record<DistilConfig['dtype'], string>> = {
  f32: 'float32',
  f16: 'mixed precision',
};

/** Step after step until the run is finished or a signal comes, saved every minute and at the end. */
async function train(job: Job, report: Report): Promise<void> {
  const { run, saved, command, config, teacher, statePath } = job;
  let stop = false;
  const settled = onInterrupt((signal) => {
    if (stop) endProcess(signal); // asked twice: the last save is good
    stop = true; // after the step under way
    report.note('saving; once more ends it at once');
  });
  await beginLog(command.log, saved, config, teacher);
  try {
    if (!saved) await saveState(run, statePath); // from now on there is always a good state to go back to
    let lastSave = performance.now();
    while (!run.finished && !stop) {
      const point = await run
        .step()
        .catch((error) => Promise.reject(withWayBack(error, command.out, config)));
      if (command.log) logLine(command.log, point);
      report.progress(run.trainer.images, config.images);
      if (point.frechet !== undefined) await keepBest(job, report);
      if (performance.now() - lastSave > 60_000) {
        await saveState(run, statePath);
        lastSave = performance.now();
      }
      await new Promise((resolve) => setImmediate(resolve)); // lets signals in
    }
    await saveState(run, statePath);
  } finally {
    settled();
    report.endProgress();
  }
}

/** A new log says first what the run trains; that of a run that goes on ends where its state does. */
async function beginLog(
  path: string | undefined,
  saved: SavedRun | undefined,
  config: DistilConfig,
  teacher: OpenedModel,
): Promise<void> {
  if (!path) return;
  if (saved) await trimLog(path, saved.meta.images);
  if (!saved || !existsSync(path))
    logLine(path, { event: 'start', method: config.method, ...freezeFacts(config, teacher.config.unet) });
}

/** The averaged student as it is now, a whole network. */
async function writeStudent({ run, config, teacher }: Job, path: string): Promise<void> {
  await writeAtomic(
    path,
    writeSafetensors({
      tensors: exportWhole(teacher.config, await run.student(), 'f32'),
      metadata: fileMetadata(teacher, config, run.trainer.images),
    }),
  );
}

/** What the teacher's file says, but for what is the teacher's alone, then what is the student's. */
function fileMetadata(teacher: OpenedModel, config: DistilConfig, images: number): Map<string, string> {
  const inherited = new Map(teacher.metadata);
  for (const key of ['delta_of', 'delta_sha256', 'converted_from', 'sigma_mid']) inherited.delete(key);
  return new Map([
    ...inherited,
    ...configMetadata(studentNetwork(config, teacher.config)),
    ...studentMetadata(config, images, { teacherName: teacher.id }, teacher.config.unet),
  ]);
}

/** Says where the student is, how good, and how to go on where the run was stopped. */
function conclude({ run, command, config, data, statePath }: Job, report: Report): void {
  const images = counted(run.trainer.images, 'image');
  if (data.skipped.length > 0) report.note(skippedLine(data.skipped));
  if (!run.finished) process.stderr.write(`stopped at ${images}; go on with --resume ${statePath}\n`);
  const { best } = run;
  report.result(
    `${command.out}: ${config.nfe === 2 ? 'two-step ' : ''}${config.method} student after ${images}` +
      (best ? `, Fréchet distance ${best.frechet.value.toFixed(2)} at best` : ''),
    {
      out: command.out,
      state: statePath,
      images: run.trainer.images,
      finished: run.finished,
      last: run.curve.at(-1),
      best,
      read: data.imagesRead,
      skipped: data.skipped.length,
      reasons: skippedReasons(data.skipped),
    },
  );
}

/** A run that failed is at its last saved state again: say how to go on, more slowly where the training went wrong. */
function withWayBack(error: unknown, out: string, config: DistilConfig): InnateError {
  const known = asInnateError(error, 'backend');
  if (!(known instanceof Diverged)) {
    const hint = known.detail.hint ?? `Go on with --resume ${out}.state`;
    return new InnateError(known.code, known.message, { ...known.detail, hint }, error);
  }
  if (known.dtype === 'f16')
    return new InnateError(
      known.code,
      known.message,
      { ...known.detail, hint: `Go on in float32 with --resume ${out}.state --dtype f32` },
      error,
    );
  const statePath = known.goBackTo === 'best' && existsSync(bestState(out)) ? bestState(out) : `${out}.state`;
  const rates = [config.generatorRate, config.discriminatorRate].map((rate) =>
    String(Number((rate / 2).toPrecision(3))),
  );
  return new InnateError(
    known.code,
    known.message,
    {
      ...known.detail,
      hint:
        `Go on with --resume ${statePath} --generator-rate ${rates[0]} --discriminator-rate ${rates[1]}` +
        (known.goBackTo === 'best' && !config.diffAugment ? ' and, where images are few, --diffaugment' : ''),
    },
    error,
  );
}

/** Beside the newest student, the best one so far: OUT.best. */
async function keepBest(job: Job, report: Report): Promise<void> {
  const { run, command } = job;
  if (run.best?.images !== run.trainer.images) return;
  report.note(
    `${counted(run.trainer.images, 'image')}: Fréchet distance ${run.best.frechet.value.toFixed(2)}, spread ${run.best.frechet.spread.toFixed(2)}`,
  );
  await writeStudent(job, command.out.replace(/(\.safetensors)?$/, '.best.safetensors'));
  await saveState(run, bestState(command.out)); // where a collapse goes back to
}

const bestState = (out: string): string => `${out}.best.state`;

const saveState = async (run: DistilRun, path: string): Promise<void> =>
  writeAtomic(path, encodeState(await run.state()));

function readState(path: string): SavedRun {
  if (!existsSync(path)) throw new InnateError('not-found', 'no such state', { where: path });
  return decodeState(fileSource(path));
}
