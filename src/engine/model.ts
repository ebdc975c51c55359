import { type Checkpoint, openCheckpoint } from '../formats/checkpoint';
import type { Source } from '../formats/source';
import { readFloat32 } from '../formats/tensor';
import { InnateError } from '../lib/errors';
import { configFromKwargs, type NetworkConfig, PRECOND_KINDS, type PrecondKind } from '../nn/config';
import { kwargsFromShapes } from '../nn/infer-config';
import { checkWeights, type WeightSource } from '../nn/weights';
import { applyDelta, type DeltaInfo, deltaInfo } from './delta';
import { startSigma } from './start-sigma';
import { checkpointWeights } from './weights';

/** A network that is ready to be put on a back-end: what it is, and where its weights come from. */
export interface Model {
  config: NetworkConfig;
  weights: WeightSource;
  /** Noise level at which generation starts: x = sigma z, image = D(x, sigma). */
  sigma: number;
  /** Sentences for the user: what was taken or assumed. */
  notes: string[];
  /** The file's convolutions are float16: packed halves on the GPU lose nothing. */
  half: boolean;
  /** Provenance and whatever else the file says of itself. */
  metadata: ReadonlyMap<string, string>;
}

export interface OpenModelOptions {
  /** Overrides what the file says. */
  precond?: PrecondKind;
  /** Start sigma: overrides what the file says. */
  sigma?: number;
  /** Finds the base of a delta; without it deltas are refused. */
  openBase?: (delta: DeltaInfo) => Model;
}

/** Opens a checkpoint of any supported format as a model; reads no weights yet, but checks every shape. */
export function openModel(source: Source, options: OpenModelOptions = {}): Model {
  const checkpoint = openCheckpoint(source);
  const delta = deltaInfo(checkpoint.metadata);
  if (delta) return openDelta(checkpoint, delta, source.name, options);

  const notes = [...checkpoint.notes];
  const precond = choosePrecond(checkpoint, options.precond, notes);
  const kwargs = checkpoint.kwargs ?? inferKwargs(checkpoint);
  const config = configFromKwargs(kwargs, precond);
  const weights = checkpointWeights(checkpoint);
  noteUnused(checkWeights(config.unet, weights), notes);
  const sigma = startSigma(options.sigma, checkpoint.metadata, source.name, notes);
  return { config, weights, sigma, notes, half: isHalf(checkpoint), metadata: checkpoint.metadata };
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
  const config = { ...base.config, precond };
  return {
    config,
    weights: applyDelta(base.weights, checkpointWeights(checkpoint)),
    // A student's own, whatever its teacher's is.
    sigma: startSigma(options.sigma, checkpoint.metadata, name, notes),
    notes,
    half: base.half,
    metadata: checkpoint.metadata,
  };
}

function isHalf({ tensors }: Checkpoint): boolean {
  const weights = [...tensors.values()].filter((t) => t.shape.length === 4);
  return weights.length > 0 && weights.every((t) => t.dtype === 'f16');
}

function choosePrecond(
  { precond }: Checkpoint,
  override: PrecondKind | undefined,
  notes: string[],
  fallback: PrecondKind = 'EDMPrecond',
): PrecondKind {
  if (override) {
    if (precond && precond !== override)
      notes.push(`preconditioning ${override} as asked, the file says ${precond}`);
    return override;
  }
  if (precond === null) {
    if (fallback === 'EDMPrecond')
      notes.push(
        'the file does not name its preconditioning: EDMPrecond assumed (--precond gdd for GDD students)',
      );
    return fallback;
  }
  if ((PRECOND_KINDS as readonly string[]).includes(precond)) return precond as PrecondKind;
  throw new InnateError('unsupported', 'unknown preconditioning', {
    expected: PRECOND_KINDS.join(', '),
    found: precond,
    hint: 'Say which one fits with --precond',
  });
}

function inferKwargs({ tensors }: Checkpoint): ReadonlyMap<string, unknown> {
  return kwargsFromShapes({
    keys: () => tensors.keys(),
    shape: (name) => tensors.get(name)?.shape,
    values: (name) => readFloat32(tensors.get(name)!),
  });
}

function noteUnused(names: string[], notes: string[]): void {
  if (names.length === 0) return;
  const shown = names.slice(0, 3).join(', ');
  notes.push(
    `${names.length} tensors are not part of the network and were ignored: ${shown}${names.length > 3 ? ', ...' : ''}`,
  );
}
