import type { Checkpoint } from '../../formats/checkpoint';
import { readFloat32 } from '../../formats/tensor';
import { quote } from '../../formats/text';
import { InnateError } from '../../lib/errors';
import { PRECONDITIONINGS, type PrecondKind, precondNamed } from '../../lib/preconditioning';
import type { ModelSampling } from '../../lib/sampling';
import { configFromKwargs, kwargsFromConfig, type NetworkConfig } from '../../nn/config';
import { checkEmbedding, kwargsFromShapes } from '../../nn/infer-config';
import { isHead } from '../../nn/parameters';
import { checkWeights, type WeightSource } from '../../nn/weights';
import type { SigmaSource } from '../../protocol/models';
import { applyDelta, type DeltaInfo, deltaInfo } from './delta';
import { sigmaSource, startSigma } from './start-sigma';
import { middleSigma } from './student-steps';
import { checkpointWeights } from './weights';

/** A network that is ready to be put on a back-end: what it is, and where its weights come from. */
export interface Model extends ModelSampling {
  config: NetworkConfig;
  weights: WeightSource;
  /** How its start sigma is known. */
  sigmaFrom: SigmaSource;
  /** Nobody said which formula wraps the network: the usual one was taken. */
  precondAssumed: boolean;
  /** The weights as the file has them, where `weights` leave some out: a head that also predicts variances. */
  published?: WeightSource;
  /** Sentences for the user: what was taken or assumed. */
  notes: string[];
  /** The file's convolutions are float16: packed halves on the GPU lose nothing. */
  half: boolean;
  /** Provenance and whatever else the file says of itself. */
  metadata: ReadonlyMap<string, string>;
  /** Names of the networks in the file, of which this is one. */
  entries: readonly string[];
  /** The name of this one; null where there is none. */
  entry: string | null;
}

export interface OpenModelOptions {
  /** Overrides what the file says. */
  precond?: PrecondKind;
  /** Start sigma: overrides what the file says. */
  sigma?: number;
  /** It is a two-step student, whose second evaluation is at this level: overrides what the file says. */
  sigmaMid?: number;
  /** Which of several networks in the file is meant. */
  entry?: string;
  /** Finds the base of a delta; without it deltas are refused. */
  openBase?: (delta: DeltaInfo) => Model;
}

/**
 * The model that a checkpoint holds; reads no weights yet, but checks every shape. `name` is the file's, for messages
 * and for its guessed start sigma.
 */
export function modelOf(checkpoint: Checkpoint, name: string, options: OpenModelOptions = {}): Model {
  const { metadata, entries, entry } = checkpoint;
  const delta = deltaInfo(metadata);
  if (delta) return openDelta(checkpoint, delta, name, options);

  const notes = [...checkpoint.notes];
  const kwargs = architecture(checkpoint);
  checkEmbedding(kwargs);
  noteBuffers(checkpoint, kwargs, notes);
  noteConversion(metadata, notes);
  const precondAssumed = options.precond === undefined && isAssumed(checkpoint);
  const precond = choosePrecond(checkpoint, options.precond, notes, null);
  const stored = checkpoint.tensors.get('u');
  const levels = precond === 'iDDPMPrecond' && stored ? readFloat32(stored) : undefined;
  const config = configFromKwargs(kwargs, precond, levels);
  const published = checkpointWeights(checkpoint);
  const weights = precond === 'iDDPMPrecond' ? noiseOnly(published, config) : published;
  noteUnused(
    checkRead(checkpoint, () => checkWeights(config.unet, weights)),
    notes,
  );
  const sigma = startSigma(options.sigma, metadata, name, notes);
  const sigmaFrom = options.sigma === undefined ? sigmaSource(metadata, name) : 'file';
  const sigmaMid = middleSigma(options.sigmaMid, metadata, notes);
  const model = {
    ...{ config, weights, sigma, sigmaFrom, sigmaMid, precondAssumed, notes },
    ...{ half: isHalf(checkpoint), metadata, entries, entry },
  };
  return weights === published ? model : { ...model, published };
}

function openDelta(checkpoint: Checkpoint, delta: DeltaInfo, name: string, options: OpenModelOptions): Model {
  if (!options.openBase)
    throw new InnateError('mismatch', 'this file holds only what changed from its teacher', {
      where: name,
      expected: `its teacher ${delta.of} beside it`,
      hint: 'Open the teacher first, or export the student whole',
    });
  const base = options.openBase(delta);
  const notes = [...base.notes, `a delta on ${delta.of}`];
  const precond = choosePrecond(checkpoint, options.precond, notes, base.config.precond);
  return {
    config: withPrecond(base.config, precond),
    weights: applyDelta(base.weights, checkpointWeights(checkpoint)),
    // A student's own, whatever its teacher's is.
    sigma: startSigma(options.sigma, checkpoint.metadata, name, notes),
    sigmaFrom: options.sigma === undefined ? sigmaSource(checkpoint.metadata, name) : 'file',
    sigmaMid: middleSigma(options.sigmaMid, checkpoint.metadata, notes),
    precondAssumed: false,
    notes,
    half: base.half,
    metadata: checkpoint.metadata,
    entries: [],
    entry: null,
  };
}

/** The same network in another preconditioning. */
function withPrecond(config: NetworkConfig, precond: PrecondKind): NetworkConfig {
  if (precond === config.precond) return config;
  const { top, model } = kwargsFromConfig(config);
  return configFromKwargs(new Map(Object.entries({ ...top, ...model })), precond);
}

function isHalf({ tensors }: Checkpoint): boolean {
  const weights = [...tensors.values()].filter((t) => t.shape.length === 4);
  return weights.length > 0 && weights.every((t) => t.dtype === 'f16');
}

/** Output channels of the network over those of its input: 2 where it predicts variances too. */
function headRatio({ tensors }: Checkpoint): number {
  const stem = [...tensors].find(([name]) => /^model\.enc\.(\d+)x\1_conv\.weight$/.test(name))?.[1];
  const head = [...tensors].find(([name]) => isHead(name) && name.endsWith('.weight'))?.[1];
  return stem && head ? head.shape[0]! / stem.shape[1]! : 1;
}

/** Metadata of a converted file whose preconditioning was assumed: it stays an assumption. */
export const PRECOND_FROM = 'precond_from';
export const ASSUMED = 'assumed';

const assumption = (kind: PrecondKind): string =>
  `the file does not name its preconditioning: ${kind} assumed (--precond gdd for GDD students)`;

const isAssumed = (checkpoint: Checkpoint): boolean =>
  checkpoint.precond === null
    ? headRatio(checkpoint) !== 2
    : checkpoint.metadata.get(PRECOND_FROM) === ASSUMED;

/** Metadata of a converted file: which of several networks it was. The others are not in it. */
export const CONVERTED_ENTRY = 'converted_entry';

function noteConversion(metadata: ReadonlyMap<string, string>, notes: string[]): void {
  const entry = metadata.get(CONVERTED_ENTRY);
  if (entry !== undefined)
    notes.push(`${entry} of ${metadata.get('converted_from') ?? 'a file'}, which held other networks too`);
  const address = metadata.get('downloaded_from');
  if (address !== undefined)
    notes.push(`downloaded from ${address}, SHA-256 ${metadata.get('downloaded_sha256') ?? 'not noted'}`);
}

/** `base`: of the teacher of a delta, which has it too unless its file says otherwise. */
function choosePrecond(
  checkpoint: Checkpoint,
  override: PrecondKind | undefined,
  notes: string[],
  base: PrecondKind | null,
): PrecondKind {
  const { precond: className } = checkpoint;
  const found = className === null ? base : precondNamed(className);
  if (override) {
    if (className !== null && override !== found)
      notes.push(`preconditioning ${override} as asked, the file says ${className}`);
    return override;
  }
  if (found) {
    if (checkpoint.metadata.get(PRECOND_FROM) === ASSUMED) notes.push(assumption(found));
    if (className !== null && found !== className) notes.push(`${className} is ${found} under another name`);
    return found;
  }
  const twice = headRatio(checkpoint) === 2;
  if (className === null) {
    notes.push(
      twice
        ? 'the file does not name its preconditioning: iDDPMPrecond, the only one whose network predicts variances too'
        : assumption('EDMPrecond'),
    );
    return twice ? 'iDDPMPrecond' : 'EDMPrecond';
  }
  const fitting = PRECONDITIONINGS.filter(({ kind }) => (kind === 'iDDPMPrecond') === twice);
  throw new InnateError('unsupported', 'unknown preconditioning', {
    expected: PRECONDITIONINGS.map((p) => p.kind).join(', '),
    found: quote(className),
    hint: `If its formula is one of these, say which with --precond ${fitting.map((p) => p.name).join('|')}`,
    choose: { what: 'precond', from: fitting.map((p) => p.kind) },
  });
}

/**
 * The constructor arguments: what the tensors tell, then what the file states. A class of another project may have
 * other defaults than the published ones, and a module pickled whole keeps no arguments at all.
 */
function architecture({ kwargs: stated, tensors }: Checkpoint): ReadonlyMap<string, unknown> {
  const kwargs = kwargsFromShapes({
    keys: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    values: (name) => readFloat32(tensors.get(name)!),
  });
  for (const [key, value] of stated ?? [])
    if (value !== null && (key !== 'model_type' || value === 'SongUNet' || value === 'DhariwalUNet'))
      kwargs.set(key, value);
  return kwargs;
}

/** Filters are no parameters; where a file leaves them out, those of the published networks are taken, and it is said. */
function noteBuffers(
  { kwargs: stated, tensors }: Checkpoint,
  kwargs: ReadonlyMap<string, unknown>,
  notes: string[],
): void {
  const levels = kwargs.get('channel_mult');
  if (kwargs.get('model_type') !== 'SongUNet' || stated?.has('resample_filter')) return;
  if (!Array.isArray(levels) || levels.length < 2) return;
  if ([...tensors.keys()].some((name) => name.endsWith('.resample_filter'))) return;
  const filter = String(kwargs.get('resample_filter'));
  notes.push(
    `the file has no buffers: the resampling filter [${filter}] and a ${kwargs.get('embedding_type')} embedding, as the published networks of its kind`,
  );
}

/** iDDPMPrecond uses the first half of what its network gives: the noise. The rest, variances, is left out. */
function noiseOnly(weights: WeightSource, { unet }: NetworkConfig): WeightSource {
  const shapeOf = (name: string): readonly number[] | undefined => {
    const shape = weights.shape(name);
    return shape && isHead(name) && shape[0] === 2 * unet.outChannels
      ? [unet.outChannels, ...shape.slice(1)]
      : shape;
  };
  return {
    names: () => weights.names(),
    shape: shapeOf,
    read: (name) =>
      weights.read(name).subarray(
        0,
        shapeOf(name)!.reduce((a, b) => a * b, 1),
      ),
  };
}

/** What `check` gives; where it misses a tensor that the file has in a form that is not read, that is the error. */
function checkRead<T>({ unreadable }: Checkpoint, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const where = error instanceof InnateError ? (error.detail.where ?? '') : '';
    const kind = unreadable.get(where);
    if (kind === undefined) throw error;
    throw new InnateError('unsupported', 'a tensor of the network is of a kind that is not read', {
      where,
      expected: 'floating-point or whole numbers',
      found: kind,
      hint: 'Load the file in PyTorch, if you trust it, and save the state_dict of the network as float32',
    });
  }
}

function noteUnused(names: string[], notes: string[]): void {
  if (names.length === 0) return;
  const shown = names.slice(0, 3).join(', ');
  notes.push(
    `${names.length} tensors are not part of the network and were ignored: ${shown}${names.length > 3 ? ', ...' : ''}`,
  );
}
