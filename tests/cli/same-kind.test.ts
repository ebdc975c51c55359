import { describe, expect, it } from 'vitest';
import { readCatalogue } from '../../cli/catalogue';
import { datasetNamed, datasetOf, farOff, type Kind, otherKind } from '../../cli/same-kind';
import { featureShift } from '../../src/measure/frechet';
import { featureStatistics } from '../../src/measure/moments';

const CATS: Kind = { dataset: 'afhq-cat-64x64', labelDim: 0, classes: null, channels: 3 };
const CLOTHES: Kind = {
  dataset: 'fashion-mnist-32x32',
  labelDim: 2,
  classes: ['shirt', 'shoe'],
  channels: 1,
};

describe('a model and images of another kind', () => {
  it.each([
    ['the same', CATS, CATS, null],
    ['unknown names', CATS, { ...CATS, dataset: null }, null],
    [
      'an unconditional model on labelled images',
      { ...CATS, dataset: null },
      { ...CATS, labelDim: 10 },
      null,
    ],
    ['a model with classes on images without', CLOTHES, { ...CLOTHES, labelDim: 0, classes: null }, null],
    ['other data sets', CATS, { ...CATS, dataset: 'ffhq-64x64' }, /afhq-cat-64x64.*ffhq-64x64/],
    ['cats and clothes', CATS, CLOTHES, /colour images, these are grey/],
    ['another number of classes', CLOTHES, { ...CLOTHES, labelDim: 10, classes: null }, /2 classes.*have 10/],
    ['other classes', CLOTHES, { ...CLOTHES, classes: ['cat', 'dog'] }, /shirt, shoe.*cat, dog/],
  ])('%s', (_name, model, data, says) => {
    const found = otherKind(model, data);
    if (says === null) expect(found).toBeNull();
    else expect(found).toMatch(says);
  });
});

it('data sets are known by the catalogue: of a model, of the teacher a file names, by the name of an archive', () => {
  const catalogue = readCatalogue();
  const of = (id: string, teacher?: string) =>
    datasetOf({ id, metadata: new Map(teacher ? [['teacher', teacher]] : []) }, catalogue);
  expect(of('afhq-cat-64x64-gdd-i')).toBe('afhq-cat-64x64');
  expect(of('mine.safetensors', 'fashion-mnist-32x32-teacher')).toBe('fashion-mnist-32x32');
  expect(of('mine.safetensors')).toBeNull();
  expect(datasetNamed('CIFAR10-32x32.tar.gz', catalogue)).toBe('cifar10-32x32');
  expect(datasetNamed('holiday', catalogue)).toBeNull();
});

it('the shift of the means is measured by the spread of real images', () => {
  const real = featureStatistics(Float32Array.of(0, 0, 2, 0, 0, 2, 2, 2), 2); // total variance 8/3
  const found = (x: number) => featureStatistics(Float32Array.of(x, 1, x, 1), 2);
  expect(featureShift(found(1), real)).toBe(0);
  expect(featureShift(found(5), real)).toBeCloseTo(16 / (8 / 3), 12);
  expect(farOff({ shift: featureShift(found(1.5), real) })).toBeNull();
  expect(farOff({ shift: featureShift(found(5), real) })).toContain('6.0 times');
});
