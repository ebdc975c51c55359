import { expect, it } from 'vitest';
import { markdownTable, metricRows } from '../../src/features/measure/measure-export';
import type { MeasureResult } from '../../src/protocol/measure';

const result: MeasureResult = {
  features: 'ResNet-56 trained on CIFAR-10, 64 features',
  onInception: false,
  n: 300,
  nfe: 1,
  reference: '2,000 images of cats.zip, drawn at random (seed 0)',
  protocol: null,
  metrics: {
    fid: { value: 3.2149, error: 0.0421, floor: 0.61 },
    kid: { value: 0.01234, error: null, floor: null },
    precision: { value: 0.79, error: 0.004, floor: 0.8 },
  },
  spread: 0.9,
  shift: 0.1,
  read: 2300,
  skipped: '',
};

it('numbers on other features than those of Inception are not called FID and KID', () => {
  expect(metricRows(result).map((r) => r.label)).toEqual(['FD', 'KD', 'Precision']);
  expect(metricRows({ ...result, onInception: true }).map((r) => r.label)).toEqual([
    'FID',
    'KID',
    'Precision',
  ]);
  expect(metricRows(result)[0]).toEqual({ label: 'FD', value: '3.21', error: '± 0.04', floor: '0.61' });
  expect(metricRows(result)[1]).toMatchObject({ value: '0.0123', error: '', floor: '' });
});

it('a row for Markdown has features, count and reference beside the numbers', () => {
  const [head, rule, row] = markdownTable('Cats | one step', result).split('\n');
  expect(head).toBe('| Model | NFE | FD | KD | Precision | n | Features | Reference |');
  expect(rule).toBe('| --- | --- | --- | --- | --- | --- | --- | --- |');
  expect(row).toBe(
    '| Cats \\| one step | 1 | 3.21 ± 0.04 | 0.0123 | 0.790 ± 0.004 | 300 | ResNet-56 trained on CIFAR-10, 64 features | 2,000 images of cats.zip, drawn at random (seed 0) |',
  );
});
