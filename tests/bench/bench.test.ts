import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareNet, readGolden } from '../../bench/files';
import { NETS } from '../../bench/nets';
import { networkCost } from '../../bench/network-cost';
import { precondition } from '../../bench/precondition';
import { table } from '../../bench/report';
import { maxAbsError, median } from '../../bench/statistics';
import { seededWeights } from '../../bench/weights';
import { checkWeights } from '../../src/nn/weights';
import { scratch } from '../support/cli';

const ROOT = join(import.meta.dirname, '../..');
const folder = scratch();

describe('statistics', () => {
  it('median of odd and even numbers of values, in any order', () => {
    expect(median([9, 1, 2])).toBe(2);
    expect(median([4, 1, 10, 2])).toBe(3);
    expect(median([10, 9, 100])).toBe(10); // not sorted as text
  });

  it('largest difference, and never a pass for what is not a number or not there', () => {
    expect(maxAbsError([1, -2, 3], [1, 2, 3])).toBe(4);
    expect(maxAbsError([1, 5], [1, 2, 3])).toBe(3); // images beyond the stored ones
    expect(maxAbsError([1, Number.NaN], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(maxAbsError([], [1])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('networks', () => {
  it('have the sizes of their names', () => {
    expect(networkCost(NETS.small.config, 1).parameters).toBe(7_081_923);
    expect(networkCost(NETS.cifar.config, 1).parameters).toBe(56_398_339);
    expect(networkCost(NETS.adm.config, 1).parameters).toBe(295_899_267);
  });

  it('cost twice as many operations for two images, but no second copy of the weights', () => {
    const [one, two] = [networkCost(NETS.small.config, 1), networkCost(NETS.small.config, 2)];
    expect(two.flops).toBe(2 * one.flops);
    const weights = 4 * one.parameters;
    expect(two.leastBytes - weights).toBe(2 * (one.leastBytes - weights));
  });

  it('count a convolution as two operations a multiply-add', () => {
    // One residual level with a single block: adding the attention resolution adds qkv, proj and the products.
    const { config } = NETS.small;
    const without = networkCost({ ...config, unet: { ...config.unet, attnResolutions: [] } }, 1);
    const pixels = 16 * 16;
    const c = 128;
    // Attention at 16 in two encoder blocks and one decoder block; the decoder's first block attends anyway.
    const each = 2 * pixels * (c * 3 * c + c * c + 2 * pixels * c);
    expect(networkCost(config, 1).flops - without.flops).toBe(3 * each);
  });
});

describe('seeded weights', () => {
  const { config, seed } = NETS.small;
  const weights = seededWeights(config, seed);

  it('are all of the network, every tensor with values', () => {
    expect(checkWeights(config.unet, weights)).toEqual([]);
    for (const name of weights.names()) expect(weights.read(name).some((v) => v !== 0)).toBe(true);
  });

  it('keep the size of activations, and differ from tensor to tensor', () => {
    const values = weights.read('model.enc.32x32_block0.conv0.weight');
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    expect(deviation * Math.sqrt(64 * 9)).toBeCloseTo(1, 1);
    expect([...weights.read('model.enc.32x32_block1.conv0.weight').subarray(0, 4)]).not.toEqual([
      ...values.subarray(0, 4),
    ]);
  });

  it('are, bit for bit, those that PyTorch was given', async () => {
    const golden = readGolden(ROOT, NETS.small);
    const { weights: file, onnx } = await prepareNet(folder, NETS.small, 1, golden);
    expect(statSync(join(folder, file)).size).toBeGreaterThan(4 * 7_081_923);
    expect(statSync(join(folder, onnx)).size).toBeLessThan(200_000); // the weights stay in their own file
    await expect(prepareNet(folder, NETS.small, 1, { ...golden, weightsHash: 'other' })).rejects.toThrow(
      'not the weights',
    );
  });
});

it('preconditioning: one-hot rows, and D from F', () => {
  const { config } = NETS.cifar;
  const x = new Float32Array(2 * 3 * 32 * 32).fill(80);
  const given = precondition(config, new Float32Array(128), x, 80, Int32Array.of(3, 9));
  expect([...given.labels!]).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(given.x[0]).toBeCloseTo(80 / Math.hypot(80, 0.5), 5);
  const f = new Float32Array(x.length).fill(1);
  expect(given.denoised(f)[0]).toBeCloseTo((0.25 * 80) / 6400.25 + 40 / Math.hypot(80, 0.5), 5);
});

it('a table has aligned columns', () => {
  expect(
    table([
      ['engine', 'ms'],
      ['a', '1234'],
    ]),
  ).toBe('engine    ms\na       1234');
});
