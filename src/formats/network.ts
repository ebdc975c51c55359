import { badFile, InnateError } from '../lib/errors';
import { dotlessGroups, namedList } from './averages';
import type { Flat } from './flatten';
import { type Kind, kindOf } from './network-names';
import type { TensorRef } from './tensor';
import { listed, quote } from './text';

/** A U-Net of NVlabs/edm's family somewhere in a file. */
export interface Network {
  /** Where it stands: "ema", "state_dict.net_ema"; what a person chooses it by. */
  readonly label: string;
  /** Path of the U-Net with a dot at its end, as the file has it. */
  readonly path: string;
  readonly kind: Kind;
  /** Published names: model.enc.32x32_conv.weight and so on, and the buffers of its preconditioning (`u`). */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Tensors under it that are not read: name to kind. */
  readonly unreadable: ReadonlyMap<string, string>;
  /** Nothing stands around the U-Net: the names begin with enc, dec and map. */
  readonly bare: boolean;
  /** EDM2's U-Net has the same entry but is another network. */
  readonly edm2: boolean;
}

/** The network that was taken, and what to tell about it. */
export interface Found {
  readonly network: Network;
  /** Labels of all the networks in the file, the taken one's included. */
  readonly entries: readonly string[];
  readonly notes: readonly string[];
}

/** Components that wrappers put into names: (Distributed)DataParallel, compile, FSDP, checkpointing, DeepSpeed. */
const WRAPPERS = new Set([
  'module',
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
  '_forward_module',
]);

const isWrapper = (component: string): boolean => WRAPPERS.has(component);

const unwrapped = (path: string): string =>
  path
    .split('.')
    .filter((c) => !WRAPPERS.has(c))
    .join('.');

/** The first convolution, by which a U-Net of the family is known: its name holds the resolution twice. */
const STEM = /(^|\.)enc\.(\d+)x\2_conv\.weight$/;
export const isStem = (name: string): boolean => STEM.test(name);
const PART =
  /^(enc|dec|map_noise|map_augment|map_label|map_layer0|map_layer1|out_norm|out_conv|emb_noise|emb_fourier|emb_label)\./;
/** Far more networks than any file holds. */
const MAX_NETWORKS = 100;

/**
 * The networks of a file, whatever holds them and whatever was put before or into their names. Throws an
 * InnateError when there are absurdly many.
 */
export function findNetworks(flat: Flat, where: string): Network[] {
  const names = new Map<string, string>();
  for (const part of [flat.tensors, flat.unreadable])
    for (const path of part.keys()) names.set(path, unwrapped(path));
  const paths = new Set<string>();
  for (const [path, name] of names) if (isStem(name)) paths.add(unetPath(path));
  if (paths.size > MAX_NETWORKS)
    throw new InnateError('refused', 'the file holds an absurd number of networks', { where });
  const found = [...paths].map((path) => gather(flat, path, names, where));
  // Two that differ in wrappers alone are told apart by the whole of their paths.
  const twice = (label: string) => found.filter((n) => n.label === label).length > 1;
  return found.map((n) => (twice(n.label) ? { ...n, label: n.path.slice(0, -1) || ROOT } : n));
}

/**
 * Where the U-Net stands whose tensor `path` is: what comes before the last `enc` of the path, with a dot at its end.
 */
function unetPath(path: string): string {
  const components = path.split('.');
  const at = components.lastIndexOf('enc');
  return components
    .slice(0, at)
    .map((c) => `${c}.`)
    .join('');
}

const ROOT = 'root';

function gather(flat: Flat, path: string, names: ReadonlyMap<string, string>, where: string): Network {
  const prefix = unwrapped(path);
  const around = prefix.replace(/(^|\.)model\.$/, '$1');
  const tensors = new Map<string, TensorRef>();
  const unreadable = new Map<string, string>();
  for (const [full, name] of names) {
    if (!full.startsWith(path) || !PART.test(name.slice(prefix.length))) continue;
    const published = `model.${name.slice(prefix.length)}`;
    if (tensors.has(published) || unreadable.has(published))
      throw badFile('two tensors end up with one name', { where, found: quote(published) });
    const ref = flat.tensors.get(full);
    if (ref) tensors.set(published, ref);
    else unreadable.set(published, flat.unreadable.get(full)!);
  }
  const outer = holders(path);
  const u = prefix === around ? undefined : flat.tensors.get(`${outer[0]}u`);
  if (u) tensors.set('u', u);
  const label = (around === '' ? prefix : around).replace(/\.$/, '') || ROOT;
  return {
    label,
    path,
    kind: outer.some((p) => flat.tensors.has(`${p}n_averaged`)) ? 'averaged' : kindOf(label),
    tensors,
    unreadable,
    bare: prefix === around,
    edm2: tensors.has('model.emb_noise.weight') || tensors.has('model.emb_fourier.freqs'),
  };
}

/** Paths of what holds a U-Net as its `model`, the nearest first, then of the wrappers around that. */
export function holders(path: string): string[] {
  const components = path.split('.').slice(0, -1);
  const joined = () => components.map((c) => `${c}.`).join('');
  while (isWrapper(components.at(-1) ?? '')) components.pop();
  if (components.at(-1) === 'model') components.pop();
  const paths = [joined()];
  while (isWrapper(components.at(-1) ?? '')) {
    components.pop();
    paths.push(joined());
  }
  return paths;
}

const RANK: Record<Kind, number> = { averaged: 3, plain: 2, companion: 1, aside: 0, state: -1 };

/** The networks that could be meant, the best kind only, and averages without names among them. */
function candidates(flat: Flat, networks: readonly Network[], notes: string[]): Network[] {
  // A discriminator's encoder is no network that makes images; nor are an optimiser's moments.
  const whole = networks.filter((n) => [...n.tensors.keys()].some((name) => name.startsWith('model.dec.')));
  const named = (whole.length > 0 ? whole : networks).filter((n) => n.kind !== 'state');
  return unique([...named, ...nameless(flat, named, notes)]);
}

/** Averages that do not carry the names of their network. */
function nameless(flat: Flat, named: readonly Network[], notes: string[]): Network[] {
  const owners = named.filter((n) => n.kind !== 'averaged').sort((a, b) => RANK[b.kind] - RANK[a.kind]);
  const made: Network[] = [];
  const add = (label: string, owner: Network, tensors: Map<string, TensorRef>) =>
    made.push({ ...owner, label: label || ROOT, kind: 'averaged', tensors });
  for (const list of flat.lists) {
    const label = unwrapped(list.path);
    if (kindOf(label, true) !== 'averaged') continue;
    let fits = false;
    for (const owner of owners) {
      const tensors = fits ? null : namedList(list, owner.tensors);
      if (!tensors) continue;
      add(label, owner, tensors);
      fits = true;
    }
    if (!fits && owners.length > 0)
      notes.push(
        `the averaged weights under ${label} were left: ${list.tensors.length} tensors without names that do not match the network's parameters`,
      );
  }
  for (const owner of owners)
    for (const [prefix, tensors] of dotlessGroups(flat, owner.tensors)) {
      const label = unwrapped(prefix);
      if (kindOf(label) === 'averaged' && !made.some((n) => n.label === label)) add(label, owner, tensors);
    }
  return made;
}

/** One of several that are the same tensors: a file may hold one network under two names. */
function unique(networks: readonly Network[]): Network[] {
  const kept: Network[] = [];
  for (const network of networks) if (!kept.some((other) => sameTensors(other, network))) kept.push(network);
  return kept;
}

function sameTensors(a: Network, b: Network): boolean {
  if (a.tensors.size !== b.tensors.size || a.tensors.size === 0) return false;
  for (const [name, ref] of a.tensors) {
    const other = b.tensors.get(name);
    if (!other || (other !== ref && (other.source !== ref.source || other.byteOffset !== ref.byteOffset)))
      return false;
  }
  return true;
}

/**
 * The network to take: the one that `entry` names, else the averaged one, else the only one. Null when there is
 * none. Throws a `bad-argument` error with `choose` when several are left, or none has that name.
 */
export function chooseNetwork(flat: Flat, where: string, entry?: string): Found | null {
  const notes: string[] = [];
  const all = candidates(flat, findNetworks(flat, where), notes);
  if (all.length === 0) return null;
  const entries = all.map((n) => n.label);
  const best = Math.max(...all.map((n) => RANK[n.kind]));
  const meant = entry === undefined ? all.filter((n) => RANK[n.kind] === best) : named(all, entry);
  if (meant.length !== 1)
    throw new InnateError(
      'bad-argument',
      meant.length > 1 ? 'the file holds several networks' : 'the file holds no network of that name',
      {
        where,
        expected: `one of ${listed(entries)}`,
        ...(entry !== undefined && { found: quote(entry) }),
        hint: 'Choose one: --entry NAME on the command line',
        choose: { what: 'entry', from: entries.slice(0, MAX_NETWORKS) },
      },
    );
  const network = completed(meant[0]!, all, notes);
  const others = entries.filter((label) => label !== network.label);
  const averaged = network.kind === 'averaged' ? ', the averaged weights' : '';
  if (others.length > 0)
    notes.unshift(`took ${network.label}${averaged} (the file also holds ${others.join(' and ')})`);
  else if (averaged || (network.label !== ROOT && network.label !== 'model'))
    notes.unshift(`took ${network.label}${averaged || ', the only network in the file'}`);
  return { network, entries, notes };
}

/** The whole label, or the end or the beginning of one. */
function named(all: readonly Network[], entry: string): Network[] {
  const exact = all.filter((n) => n.label === entry);
  if (exact.length > 0) return exact;
  return all.filter((n) => n.label.endsWith(`.${entry}`) || n.label.startsWith(`${entry}.`));
}

/**
 * An average may leave out what training does not change (buffers, frozen layers): those tensors are the same in
 * the network that it averages.
 */
function completed(network: Network, all: readonly Network[], notes: string[]): Network {
  if (network.kind !== 'averaged') return network;
  const lacking = (other: Network) => [...other.tensors].filter(([name]) => !network.tensors.has(name));
  const same = (other: Network) =>
    [...network.tensors].every(([name, ref]) => {
      const shape = other.tensors.get(name)?.shape;
      return shape?.length === ref.shape.length && shape.every((d, i) => d === ref.shape[i]);
    });
  const owner = all.find((n) => n.kind !== 'averaged' && same(n) && lacking(n).length > 0);
  if (!owner) return network;
  const taken = lacking(owner);
  notes.push(`${taken.length} tensors that ${network.label} leaves out are those of ${owner.label}`);
  return { ...network, tensors: new Map([...network.tensors, ...taken]) };
}

/** Throws where the network itself is what cannot be read. */
export function refuseOthers({ edm2, label, tensors, unreadable }: Network, where: string): void {
  if (edm2)
    throw new InnateError('unsupported', 'this is an EDM2 network, another architecture', {
      where,
      expected: 'SongUNet or DhariwalUNet of NVlabs/edm',
      found: `the magnitude-preserving U-Net of NVlabs/edm2 under ${quote(label)}`,
      hint: 'Open a checkpoint of EDM, GDD, SiD or of this project',
    });
  const first = [...unreadable].find(([name]) => isStem(name) || tensors.size === 0);
  if (first)
    throw new InnateError('unsupported', 'the tensors of the network are of a kind that is not read', {
      where: `${where}, ${quote(first[0])}`,
      found: first[1],
      hint: 'Load the file in PyTorch, if you trust it, and save the state_dict of the network with plain tensors',
    });
}
