import { type ClassNames, classesNamed, searchClasses, withoutSynonyms } from '../src/lib/class-names';
import type { ClassList } from '../src/lib/classes';
import { InnateError } from '../src/lib/errors';

/** Classes of a model of the command line; all names of each where they have more than one. */
export interface NamedClasses extends ClassList {
  synonyms: readonly (readonly string[])[] | null;
}

/**
 * The class that `--class TEXT` means in a list: a name, a synonym or a number; null where it is none of them. Throws a
 * `bad-argument` error that lists the numbers where several classes have that name.
 */
export function classOf(text: string, list: NamedClasses): number | null {
  const names = namesOf(list);
  const named = names ? classesNamed(names, text) : [];
  if (named.length > 1)
    throw new InnateError('bad-argument', 'several classes have that name', {
      where: `--class ${text}`,
      found: named.map((i) => `${i} (${names!.synonyms[i]!.join(', ')})`).join(' and '),
      hint: 'Give the number',
    });
  if (named.length === 1) return named[0]!;
  const index = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  return index >= 0 && index < list.labelDim ? index : null;
}

/** Says what the classes of a list are; of a long one, names that a person may have meant. */
export function noSuchClass(text: string, list: NamedClasses): InnateError {
  const names = namesOf(list);
  return new InnateError('bad-argument', 'no such class', {
    where: `--class ${text}`,
    expected: `0 to ${list.labelDim - 1}${names ? ` or ${someOf(names, text)}` : ''}`,
  });
}

const namesOf = ({ classes, synonyms }: NamedClasses): ClassNames | null =>
  classes && (synonyms ? { names: classes, synonyms } : withoutSynonyms(classes));

function someOf(names: ClassNames, text: string): string {
  if (names.names.length <= 20) return names.names.join(', ');
  const alike = searchClasses(names, text).slice(0, 5);
  return alike.length > 0 ? `a name such as ${alike.map((i) => names.names[i]).join(', ')}` : 'a name';
}
