import { expect, it } from 'vitest';
import { distanceCurve, distancesCsv } from '../../src/features/distil/moments/distances';
import type { RunDistances } from '../../src/protocol/run-distances';
import { axisOf, smoothed } from '../../src/ui/CurvePlot';

const FOUND: RunDistances = {
  features: 'resnet56',
  words: 'ResNet-56 trained on CIFAR-10, 64 features',
  n: 300,
  reference: '2,000 images of "clothes", drawn at random',
  floor: 0.4,
  nfe: 1,
  moments: [
    { images: 16, value: 9, error: 2.5 },
    { images: 64, value: 3, error: null },
  ],
};

it('the curve has a value and a bar for each moment, the floor as a level, and an axis that holds the bars', () => {
  const { xs, series, levels } = distanceCurve(FOUND);
  expect(xs).toEqual([16, 64]);
  expect(series).toMatchObject([{ name: 'FD', values: [9, 3], errors: [2.5, null], sparse: true }]);
  expect(levels).toMatchObject([{ name: 'Held-out real', value: 0.4 }]);
  expect(distanceCurve({ ...FOUND, features: 'inception', floor: null })).toMatchObject({
    series: [{ name: 'FID' }],
    levels: [],
  });
  expect(axisOf(smoothed(series, 0), levels, false).max).toBeGreaterThanOrEqual(11.5);
});

it('the table has a line for each moment, and quotes what has commas', () => {
  expect(distancesCsv([FOUND])).toBe(
    [
      'features,n,nfe,images,distance,error,floor,reference',
      'resnet56,300,1,16,9,2.5,0.4,"2,000 images of ""clothes"", drawn at random"',
      'resnet56,300,1,64,3,,0.4,"2,000 images of ""clothes"", drawn at random"',
      '',
    ].join('\n'),
  );
});
