import type { MadeImage } from '../generate/images';

/** What may stand in the name of a file everywhere. */
const plain = (text: string): string => text.replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '');

/** A name of parts, those that are there: cat-seed-7-class-boot.png. */
export const fileName = (parts: readonly (string | number | null)[], ending: string): string =>
  `${parts
    .filter((part) => part !== null && part !== '')
    .map((part) => plain(String(part)))
    .join('-')
    .slice(0, 120)}.${ending}`;

export const imageFileName = ({ recipe }: Pick<MadeImage, 'recipe'>, ending = 'png'): string =>
  fileName(
    [recipe.modelKey, 'seed', recipe.seed, ...(recipe.className === null ? [] : ['class', recipe.className])],
    ending,
  );

/** Above so many images they lie in folders of a thousand. */
const FLAT = 1000;

/** Where the paper's generate.py puts a seed's image: 000007.png, with --subdirs 000000/000007.png. */
export function seedPath(seed: number, count: number): string {
  const six = (n: number) => String(n).padStart(6, '0');
  return `${count > FLAT ? `${six(seed - (seed % 1000))}/` : ''}${six(seed)}.png`;
}
