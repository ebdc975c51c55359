/** Classes by their names: each has one that is shown, and may have synonyms behind it. */

export interface ClassNames {
  /** The name that is shown, by class. */
  readonly names: readonly string[];
  /** All names of each class, the shown one first. */
  readonly synonyms: readonly (readonly string[])[];
}

export const withSynonyms = (synonyms: readonly (readonly string[])[]): ClassNames => ({
  names: synonyms.map(([name]) => name!),
  synonyms,
});

export const withoutSynonyms = (names: readonly string[]): ClassNames => ({
  names,
  synonyms: names.map((name) => [name]),
});

/**
 * The classes that a typed name means, whole. Names that are shown win over synonyms, and the right case over another:
 * ImageNet has a Cardigan (a dog) and a cardigan. More than one where that does not decide: two classes are a crane.
 */
export function classesNamed({ names, synonyms }: ClassNames, text: string): number[] {
  const word = text.trim();
  const lower = word.toLowerCase();
  const where = (test: (index: number) => boolean) => names.flatMap((_, i) => (test(i) ? [i] : []));
  for (const test of [
    (i: number) => names[i] === word,
    (i: number) => names[i]!.toLowerCase() === lower,
    (i: number) => synonyms[i]!.some((name) => name.toLowerCase() === lower),
  ]) {
    const found = where(test);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * Classes to offer for what has been typed so far, the likeliest first: that number, names that are the text, have it as
 * a word, begin with it, have a word that does; numbers that begin with it; the same of synonyms; whatever contains it.
 * All of them for an empty text.
 */
export function searchClasses({ names, synonyms }: ClassNames, text: string): number[] {
  const word = text.trim().toLowerCase();
  if (word === '') return names.map((_, i) => i);
  const ranked = names.flatMap((name, i) => {
    const also = synonyms[i]!.map((synonym) => rankOf(synonym, word) + SYNONYM);
    const best = Math.min(rankOf(name, word), numberRank(i, word), ...also);
    return best < NO_MATCH ? [{ i, best }] : [];
  });
  return ranked.sort((a, b) => a.best - b.best || a.i - b.i).map(({ i }) => i);
}

const SYNONYM = 5;
const NO_MATCH = 100;

function rankOf(name: string, word: string): number {
  const lower = name.toLowerCase();
  if (lower === word) return 0;
  const words = lower.split(/[\s\-/(]+/);
  if (words.includes(word)) return 1;
  if (lower.startsWith(word)) return 2;
  if (words.some((_, i) => words.slice(i).join(' ').startsWith(word))) return 3;
  return lower.includes(word) ? 10 : NO_MATCH;
}

const numberRank = (index: number, word: string): number =>
  String(index) === word ? -1 : String(index).startsWith(word) ? 4 : NO_MATCH;
