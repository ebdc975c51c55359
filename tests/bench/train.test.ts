import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareWeights, readGolden } from '../../bench/files';
import { SEEDED_NET, TRAIN_NET_NAMES, TRAIN_NETS } from '../../bench/train/nets';
import { measurePyTorch, pytorchRows } from '../../bench/train/pytorch';
import { type TrainReport, trainTable } from '../../bench/train/run';
import { fileSource } from '../../cli/files';
import { openModel } from '../../src/engine/models/open-model';
import { scratch } from '../support/cli';

const ROOT = join(import.meta.dirname, '../..');
const folder = scratch();

describe('rows of PyTorch', () => {
  const one = { threads: 1, imagesPerSecond: 11.5, processorMs: 700 };

  it('are those that were printed, in the order that was asked for', () => {
    const two = { threads: 2, imagesPerSecond: 20, processorMs: 800 };
    const printed = `a note\n${JSON.stringify(two)}\n${JSON.stringify(one)}\n`;
    expect(pytorchRows([1, 2], printed, 'unused')).toEqual([one, two]);
  });

  it('say why they have no figure where the process did not come to them', () => {
    expect(pytorchRows([1, 2], `${JSON.stringify(one)}\n`, 'MemoryError')).toEqual([
      one,
      { threads: 2, imagesPerSecond: null, processorMs: null, reason: 'MemoryError' },
    ]);
  });

  it('have what a Python that cannot be started says as their reason', async () => {
    const before = process.env.INNATE_PYTHON;
    process.env.INNATE_PYTHON = join(folder, 'no-python');
    try {
      const rows = await measurePyTorch(ROOT, 'clothes', 2, 1, () => {});
      expect(rows.map(({ threads, imagesPerSecond }) => [threads, imagesPerSecond])).toEqual([
        [1, null],
        [2, null],
      ]);
      for (const { reason } of rows) expect(reason).toContain('no-python');
    } finally {
      if (before === undefined) delete process.env.INNATE_PYTHON;
      else process.env.INNATE_PYTHON = before;
    }
  });
});

it.each(TRAIN_NET_NAMES)(
  '%s: its recipe in training/ has its data set and, where it is a shipped one, its teacher',
  (name) => {
    const { recipe, data, teacher } = TRAIN_NETS[name];
    const text = readFileSync(join(ROOT, `training/recipes/${recipe}.toml`), 'utf8');
    expect(text).toContain(`data = "${data.split('/').at(-1)}"`);
    if (teacher !== null) expect(text).toContain(`teacher = "${teacher}"`);
  },
);

it('the seeded network is written as a file that says what it is, once, and is a teacher of its data', async () => {
  const golden = readGolden(ROOT, SEEDED_NET);
  const name = await prepareWeights(folder, SEEDED_NET, golden);
  expect(await prepareWeights(folder, SEEDED_NET, golden)).toBe(name);
  const { config, weights } = openModel(fileSource(join(folder, name)));
  expect(config).toEqual(SEEDED_NET.config);
  expect([...weights.names()].length).toBeGreaterThan(300);
}, 60_000);

it('the table has a line for each row, with its figures or its reason', () => {
  const none = { dispatches: null, submits: null, encodeMs: null, firstLosses: [] };
  const report: TrainReport = {
    ...{ date: '', machine: 'a machine', instructionSets: ['avx2'], load: 1, net: 'cifar56', runs: 1 },
    engines: [
      {
        ...{ ...none, name: 'plan', backend: 'wasm', step: 'gdd-i', batch: 8 },
        ...{ msPerIteration: 4000, processorMs: 3900, imagesPerSecond: 2, peakBytes: 1.5e9 },
      },
      {
        ...{ ...none, name: 'tfjs-stock', backend: 'wasm', step: 'gdd-i', batch: 8 },
        ...{ msPerIteration: null, processorMs: null, imagesPerSecond: null, peakBytes: null },
        reason: 'the 56 M network does not fit',
      },
    ],
    pytorch: pytorchRows(
      [1, 2],
      JSON.stringify({ threads: 1, imagesPerSecond: 3.25, processorMs: 2400 }),
      'no memory',
    ),
  };
  const lines = trainTable(report).split('\n');
  expect(lines).toContain('| plan, wasm | gdd-i | 8 | 4000 | 3900 | 2.00 |  |  | 1500 |  |');
  expect(lines).toContain('| tfjs-stock, wasm | gdd-i | 8 | the 56 M network does not fit |||||||');
  expect(lines.slice(-2)).toEqual([
    'PyTorch, bfloat16, 1 thread: 3.3 images/s, 2400 ms of processor time an iteration',
    'PyTorch, bfloat16, 2 threads: no memory',
  ]);
});
