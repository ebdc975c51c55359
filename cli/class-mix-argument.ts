import { type ClassMix, type ClassShare, mixOf } from '../src/lib/class-mix';
import { InnateError } from '../src/lib/errors';
import { classOf, type NamedClasses, noSuchClass } from './class-argument';

/** The classes of the images: one for all, or null for that of each seed; and what is mixed with it. */
export interface ChosenClasses {
  classIndex: number | null;
  mix: ClassMix;
}

/**
 * The classes that `--class TEXT` means: one, by name or number, or several with their weights, such as
 * "cat:0.7,dog:0.3", which are divided by their sum; `auto` among them is the class of each seed. Throws `bad-argument` on a class that does not exist, one that
 * comes twice, and on a weight that is not above 0.
 */
export function classesOf(text: string, list: NamedClasses): ChosenClasses {
  const one = classOf(text, list); // names may hold colons and commas
  if (one !== null) return { classIndex: one, mix: [] };
  // A weight ends a share, so that names may hold commas and colons.
  const parts = text.match(/.+?:\s*[\d.eE+-]+\s*(?:,|$)/g);
  if (!parts || parts.join('') !== text) throw noSuchClass(text, list);
  const shares = parts.map((part) => shareOf(part, text, list));
  const indices = shares.map(({ index }) => index);
  if (new Set(indices).size < indices.length)
    throw new InnateError('bad-argument', 'a class comes twice', { where: `--class ${text}` });
  // An image's own class is the one of its seed, if that is named, else the first.
  const first = shares.find(({ index }) => index === null) ?? shares[0]!;
  const others = shares.filter((share): share is ClassShare => share !== first && share.index !== null);
  const { own, mix } = mixOf(first, others);
  return { classIndex: own, mix };
}

/** Stands for the class that each seed draws. */
const AUTO = /^(auto|random)$/i;

function shareOf(part: string, text: string, list: NamedClasses): { index: number | null; weight: number } {
  const at = part.lastIndexOf(':');
  const name = part.slice(0, at).trim();
  const weight = Number(part.slice(at + 1).replace(/,\s*$/, ''));
  const index = classOf(name, list);
  if (index === null && !AUTO.test(name)) throw noSuchClass(name, list);
  if (!(weight > 0) || !Number.isFinite(weight))
    throw new InnateError('bad-argument', 'not a weight', {
      where: `--class ${text}`,
      expected: 'numbers above 0, such as cat:0.7,dog:0.3',
      found: part.slice(at + 1).replace(/,\s*$/, ''),
    });
  return { index, weight };
}
