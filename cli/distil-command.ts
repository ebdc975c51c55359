import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { DistilConfig, FeatureName, FreezeChoice, Method, StudentNfe } from '../src/distil/config';
import type { RunMeta } from '../src/distil/state';
import { InnateError } from '../src/lib/errors';
import type { CommonOptions } from './options';

/** What was typed. With --resume everything else may be left out. */
export interface DistilOptions extends CommonOptions {
  teacher?: string;
  student?: string;
  studentEntry?: string;
  data?: string;
  method?: Method;
  features?: FeatureName;
  /** Files: weights of a second feature network, class embeddings of the paper's heads. */
  secondFeatures?: string;
  classEmbeddings?: string;
  freeze?: FreezeChoice;
  lossType?: DistilConfig['lossType'];
  diffaugment?: boolean;
  instanceLoss?: DistilConfig['instanceLoss'];
  dtype?: DistilConfig['dtype'];
  preset?: string;
  images?: number;
  batch?: number;
  microBatch?: number;
  seed?: number;
  nfe?: StudentNfe;
  generatorRate?: number;
  discriminatorRate?: number;
  out?: string;
  log?: string;
  resume?: string;
  measureEvery?: number;
  measureImages?: number;
}

/** Files and measurements of a run, as typed or as its state remembers them. */
export interface DistilCommand {
  teacher: string;
  student: string | undefined;
  /** How the teacher's file is to be read, and which network of the student's is meant. */
  precond: string | undefined;
  entry: string | undefined;
  studentEntry: string | undefined;
  data: string;
  secondFeatures: string | undefined;
  classEmbeddings: string | undefined;
  out: string;
  log: string | undefined;
  measureEvery: number;
  measureImages: number;
}

/** Images of training between distances, and images generated for one. */
export const MEASURE = { measureEvery: 1600, measureImages: 256 };

/** Options that a new run needs and a saved one remembers. */
const NEEDED = ['teacher', 'data', 'out'] as const;

/**
 * What was typed, completed from the saved run's own command. A file that is not where it was is looked for beside the
 * state: a folder that was moved goes on. Throws a `bad-argument` error that names the options that nobody gives.
 */
export function completeCommand(options: DistilOptions, saved: RunMeta | undefined): DistilCommand {
  const state = options.resume ?? '';
  const remembered = saved?.command ?? {};
  const said = (name: string): string | undefined =>
    typeof remembered[name] === 'string' ? (remembered[name] as string) : undefined;
  const input = (name: 'teacher' | 'student' | 'data' | 'secondFeatures' | 'classEmbeddings') =>
    options[name] ?? found(said(name), state);
  const number = (name: keyof typeof MEASURE): number => {
    const value = options[name] ?? remembered[name];
    return typeof value === 'number' ? value : MEASURE[name];
  };
  const out = options.out ?? outOf(state, said('out'));
  const command = {
    teacher: input('teacher'),
    student: input('student'),
    precond: options.precond ?? said('precond'),
    entry: options.entry ?? said('entry'),
    studentEntry: options.studentEntry ?? said('studentEntry'),
    data: input('data'),
    secondFeatures: input('secondFeatures'),
    classEmbeddings: input('classEmbeddings'),
    out,
    log: options.log ?? (out && logBeside(said('log'), out)),
  };
  const missing = NEEDED.filter((name) => command[name] === undefined).map((name) => `--${name}`);
  if (missing.length > 0)
    throw new InnateError('bad-argument', 'the saved run lacks some of its settings', {
      where: state,
      expected: missing.join(', '),
      hint: `Give ${missing.join(' and ')} too`,
    });
  return {
    ...(command as DistilCommand),
    measureEvery: number('measureEvery'),
    measureImages: number('measureImages'),
  };
}

/** The command as a state remembers it: files by their absolute paths, models of the catalogue by their ids. */
export function remember(command: DistilCommand): NonNullable<RunMeta['command']> {
  const { teacher, student, precond, entry, studentEntry, data, out, log, measureEvery, measureImages } =
    command;
  const { secondFeatures, classEmbeddings } = command;
  const model = (argument: string) => (existsSync(argument) ? resolve(argument) : argument);
  return {
    teacher: model(teacher),
    ...(student !== undefined && { student: model(student) }),
    ...(precond !== undefined && { precond }),
    ...(entry !== undefined && { entry }),
    ...(studentEntry !== undefined && { studentEntry }),
    data: resolve(data),
    ...(secondFeatures !== undefined && { secondFeatures: resolve(secondFeatures) }),
    ...(classEmbeddings !== undefined && { classEmbeddings: resolve(classEmbeddings) }),
    out: resolve(out),
    ...(log !== undefined && { log: resolve(log) }),
    measureEvery,
    measureImages,
  };
}

function found(remembered: string | undefined, state: string): string | undefined {
  if (remembered === undefined || existsSync(remembered)) return remembered;
  const beside = join(dirname(state), basename(remembered));
  return existsSync(beside) ? beside : remembered;
}

/** OUT of OUT.state and of OUT.best.state, wherever the state lies now. */
function outOf(state: string, remembered: string | undefined): string | undefined {
  const name = basename(state);
  const was = remembered && basename(remembered);
  if (was && (name === `${was}.state` || name === `${was}.best.state`)) {
    const beside = join(dirname(state), was);
    return resolve(beside) === remembered ? remembered : beside;
  }
  return remembered ?? (/.\.state$/.test(name) ? state.slice(0, -'.state'.length) : undefined);
}

/** The log where it was, or beside the output where that folder is gone. */
function logBeside(remembered: string | undefined, out: string): string | undefined {
  if (remembered === undefined || existsSync(dirname(remembered))) return remembered;
  return join(dirname(out), basename(remembered));
}
