import type { Flat } from './flatten';
import type { TensorRef } from './tensor';

/**
 * Averaged weights that do not carry the names of their network: lists in the order of its parameters
 * (torch_ema, EMAModel of diffusers, score_sde) and LitEma's names without dots (latent-diffusion and Lightning
 * projects after it).
 */

/** Tensors of a network by their names there. */
type Named = ReadonlyMap<string, TensorRef>;

/** Tensors that are no parameters: an average over parameters() does not have them. */
const BUFFER = /\.(freqs|resample_filter)$/;

const parameters = (network: Named): string[] => [...network.keys()].filter((n) => !BUFFER.test(n));

/**
 * The list as the average of `network`: its parameters in order, each of the same shape. Null when it cannot be:
 * then nothing tells which element is which.
 */
export function namedList(list: Flat['lists'][number], network: Named): Map<string, TensorRef> | null {
  for (const names of [parameters(network), [...network.keys()]]) {
    if (names.length !== list.tensors.length) continue;
    const fits = names.every((name, i) => sameShape(list.tensors[i]!, network.get(name)!));
    if (fits) return new Map(names.map((name, i) => [name, list.tensors[i]!]));
  }
  return null;
}

/** Groups of tensors whose names are those of the network's parameters with the dots left out, by their prefix. */
export function dotlessGroups(flat: Flat, network: Named): Map<string, Map<string, TensorRef>> {
  const names = new Map<string, string>();
  for (const name of network.keys()) {
    const inner = name.slice('model.'.length);
    for (const form of [inner, name]) names.set(form.replaceAll('.', ''), name);
  }
  const groups = new Map<string, Map<string, TensorRef>>();
  for (const [path, ref] of flat.tensors) {
    const dot = path.lastIndexOf('.');
    const name = names.get(path.slice(dot + 1));
    if (name === undefined || !sameShape(ref, network.get(name)!)) continue;
    const prefix = path.slice(0, Math.max(0, dot));
    const group = groups.get(prefix);
    if (group) group.set(name, ref);
    else groups.set(prefix, new Map([[name, ref]]));
  }
  const needed = parameters(network);
  for (const [prefix, group] of groups) if (!needed.every((name) => group.has(name))) groups.delete(prefix);
  return groups;
}

const sameShape = (a: TensorRef, b: TensorRef): boolean =>
  a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);
