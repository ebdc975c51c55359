import { badFile } from '../lib/errors';
import { metadataKwargs } from './kwargs';
import { chooseNetwork, refuseOthers } from './network';
import { readSafetensors } from './safetensors';
import type { Source } from './source';
import type { TensorRef } from './tensor';

export interface Checkpoint {
  readonly format: 'edm-pickle' | 'torch-zip' | 'torch-legacy' | 'safetensors';
  /** Names with the published `model.` prefix: model.enc.32x32_conv.weight ... */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Tensors of the network that are not read, by published name: their kind. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Name of the preconditioning's class, such as 'EDMPrecond'; null when the file does not say. */
  readonly precond: string | null;
  /**
   * Constructor arguments (img_resolution, img_channels, label_dim, sigma_data, model_type, model_channels, ...),
   * null when the file has none. Plain values: numbers, strings, booleans, null, arrays, maps.
   */
  readonly kwargs: ReadonlyMap<string, unknown> | null;
  readonly metadata: ReadonlyMap<string, string>;
  /** Names of all the networks in the file: what `entry` chooses from. */
  readonly entries: readonly string[];
  /** The one that was taken; null where there are no names. */
  readonly entry: string | null;
  /** Sentences for the user, such as "took ema (the file also holds net)". */
  readonly notes: readonly string[];
}

export interface OpenOptions {
  /** Which of several networks in the file is meant: the name of its entry. */
  readonly entry?: string;
}

/**
 * Opens a .safetensors checkpoint, which every model of this project is. Reads the header, no weights. Every failure is
 * an InnateError; one with `choose` asks for an `entry`. Other formats: formats/open-checkpoint.ts.
 */
export function openSafetensors(source: Source, { entry }: OpenOptions = {}): Checkpoint {
  const { tensors, unreadable, metadata } = readSafetensors(source);
  // A delta holds what changed of a network, under its published names: nothing at all, perhaps.
  if (tensors.size === 0 && !metadata.has('delta_of'))
    throw badFile('the file holds no tensors', { where: source.name });
  const found = metadata.has('delta_of')
    ? null
    : chooseNetwork({ tensors, unreadable, modules: new Map(), lists: [] }, source.name, entry);
  if (found) refuseOthers(found.network, source.name);
  return {
    format: 'safetensors',
    tensors: found?.network.tensors ?? tensors,
    unreadable: found?.network.unreadable ?? unreadable,
    precond: metadata.get('precond') ?? null,
    kwargs: metadataKwargs(metadata, source.name),
    metadata,
    entries: found?.entries ?? [],
    entry: found?.network.label ?? null,
    notes: found?.notes ?? [],
  };
}
