import { InnateError } from '../../lib/errors';
import { counted } from '../../lib/words';
import type { ModelFacts } from '../models';

/** public/data/index.json: sets of real images that come with the page. */
export interface SamplePack {
  id: string;
  name: string;
  path: string;
  bytes: number;
  images: number;
  resolution: number;
  channels: number;
  classes: string[] | null;
  licence: string;
  source: string;
}

/** Throws a `bad-file` error where `json` is not a list of sample packs. */
export function parsePacks(json: string): SamplePack[] {
  const damaged = (expected: string, where: string) =>
    new InnateError('bad-file', 'the list of sample packs is damaged', {
      where: `data/index.json, ${where}`,
      expected,
    });
  let root: { version?: unknown; packs?: unknown } | null;
  try {
    root = JSON.parse(json);
  } catch {
    throw damaged('JSON', 'byte 0');
  }
  if (root?.version !== 1) throw damaged('version 1', 'version');
  if (!Array.isArray(root.packs)) throw damaged('a list', 'packs');
  for (const [i, pack] of (root.packs as Partial<SamplePack>[]).entries())
    if (typeof pack?.id !== 'string' || typeof pack.name !== 'string' || !(Number(pack.images) > 0))
      throw damaged('an id, a name and a number of images', `packs[${i}]`);
  return root.packs as SamplePack[];
}

/** Why a pack cannot teach with this teacher; null when it can. Size and channels are converted. */
export function misfit(
  pack: Pick<SamplePack, 'classes'>,
  teacher: Pick<ModelFacts, 'labelDim'>,
): string | null {
  const { labelDim } = teacher;
  if (labelDim === 0 || pack.classes?.length === labelDim) return null;
  const has = pack.classes ? counted(pack.classes.length, 'class', 'classes') : 'no classes';
  return `Has ${has}; the teacher has ${labelDim}`;
}

/** Data sets of shipped teachers whose images may not be published here: what they are, and where they are had. */
const ELSEWHERE: Readonly<Record<string, { name: string; file: string; url: string }>> = {
  'celeba-64x64': {
    name: 'CelebA (faces)',
    file: 'img_align_celeba.zip',
    url: 'https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html',
  },
  'tiny-imagenet-64x64': {
    name: 'Tiny ImageNet',
    file: 'tiny-imagenet-200.zip',
    url: 'http://cs231n.stanford.edu/tiny-imagenet-200.zip',
  },
};

/** Where the images are had that a teacher learned from; null where they come with the page or nobody knows. */
export const elsewhere = ({ dataset }: Pick<ModelFacts, 'dataset'>) =>
  (dataset !== null && Object.hasOwn(ELSEWHERE, dataset) && ELSEWHERE[dataset]) || null;

/**
 * The teacher's own data where it comes with the page, else the first pack that fits; null where its own images are to
 * be had elsewhere: other ones would teach it something else.
 */
export function fittingPack(packs: readonly SamplePack[], teacher: ModelFacts): SamplePack | null {
  if (elsewhere(teacher)) return null;
  const fitting = packs.filter((pack) => misfit(pack, teacher) === null);
  return fitting.find((pack) => pack.id === teacher.dataset) ?? fitting[0] ?? null;
}
