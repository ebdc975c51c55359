import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findModel, parseCatalogue } from '../../src/storage/catalogue';
import { measuredFd, reportedFid } from '../../src/storage/catalogue-figures';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const model = (id: string) => findModel(catalogue, id);

test('what authors report keeps its source, and its number of evaluations', () => {
  const edm = model('edm-imagenet-64x64-cond-adm');
  expect(reportedFid(edm)).toEqual({
    value: edm.reported!.value,
    nfe: edm.reported!.nfe ?? edm.nfe,
    best: edm.reported!.of === 'family',
    source: edm.reported!.source,
  });
  expect(reportedFid(model('afhq-cat-64x64-gdd-i'))).toBeNull();
});

test('a distance is of the same sampler, at the same number of evaluations where there is one', () => {
  const teacher = model('fashion-mnist-32x32-teacher');
  const fd = (sampler: 'heun' | 'one-step' | 'two-step', steps = 18, ownSigma = true) =>
    measuredFd(teacher, { sampler, steps, ownSigma });
  expect(fd('heun')).toMatchObject({ nfe: 35 });
  expect(fd('heun', 6)).toEqual(fd('heun')); // it says at how many
  expect(fd('one-step')).toMatchObject({ nfe: 1 });
  expect(fd('one-step')!.value).not.toBe(fd('heun')!.value);
  expect(fd('two-step')).toBeNull();
  expect(fd('heun', 18, false)).toBeNull(); // from another noise level nobody measured
});
