import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { classesNamed, searchClasses, withoutSynonyms, withSynonyms } from '../../src/lib/class-names';
import { parseClassNames } from '../../src/storage/catalogue';

const file = readFileSync('public/models/classes/imagenet-1000.json', 'utf8');
const imagenet = withSynonyms(parseClassNames(file, 1000, 'imagenet-1000.json'));

describe('a name, whole', () => {
  test.each([
    ['Persian cat', [283]],
    [' persian CAT ', [283]],
    ['puma', [286]], // a synonym of cougar
    ['Cardigan', [264]], // the dog
    ['cardigan', [474]],
    ['crane', [134, 517]],
    ['maillot', [638, 639]],
    ['cat', []],
    ['', []],
  ])('%s: %j', (text, classes) => expect(classesNamed(imagenet, text)).toEqual(classes));

  test('names with commas are names', () => {
    const pets = withoutSynonyms(['cats, large', 'dogs']);
    expect(classesNamed(pets, 'Cats, Large')).toEqual([0]);
    expect(classesNamed(pets, 'cats')).toEqual([]);
  });
});

describe('what is typed so far', () => {
  const first = (text: string, count = 1) => searchClasses(imagenet, text).slice(0, count);

  test.each([
    ['persian', 283],
    ['283', 283],
    ['puma', 286],
    ['cougar', 286],
    ['siamese', 284],
    ['tench', 0],
    ['0', 0],
    ['999', 999],
    ['espresso', 967],
    ['golden ret', 207],
  ])('%s offers class %i first', (text, index) => expect(first(text)).toEqual([index]));

  test('the word itself comes before longer words that begin so, those before what contains it', () => {
    const found = searchClasses(imagenet, 'cat');
    const names = found.map((i) => imagenet.names[i]);
    expect(names.slice(0, 4)).toEqual(['tiger cat', 'Persian cat', 'Siamese cat', 'Egyptian cat']);
    expect(names.indexOf('catamaran')).toBeGreaterThan(3);
    const within = names.findIndex((name) => name?.includes('cat') && !/\bcat/i.test(name));
    expect(within).toBeGreaterThan(names.indexOf('tiger cat'));
  });

  test('digits offer the class of that number, then those that begin with it', () => {
    expect(first('28', 4)).toEqual([28, 280, 281, 282]);
  });

  test('nothing typed offers all, something unknown none', () => {
    expect(searchClasses(imagenet, ' ')).toHaveLength(1000);
    expect(searchClasses(imagenet, 'qzx')).toEqual([]);
    expect(searchClasses(imagenet, '1000')).toEqual([]);
    expect(searchClasses(imagenet, '(')).toBeInstanceOf(Array);
  });
});
