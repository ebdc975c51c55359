import { describe, expect, it } from 'vitest';
import type { DistilOptions } from '../../cli/distil-command';
import { checkSameKind, runConfig } from '../../cli/distil-config';
import { type DistilConfig, preset } from '../../src/distil/config';

const PAPER = preset('paper-cifar10');
const SAVED: DistilConfig = { ...PAPER, method: 'gdd' };

function configured(options: Partial<DistilOptions>, saved?: DistilConfig) {
  const notes: string[] = [];
  const config = runConfig({ backend: 'auto', ...options }, { saved }, (text) => void notes.push(text));
  return { config, notes };
}

describe("a batch that is too small for the paper's heads", () => {
  it('gives a new run small ones, and says so', () => {
    const { config, notes } = configured({ preset: 'paper-cifar10', batch: 64 });
    expect(config.heads).toBe('small');
    expect(notes).toEqual(["a batch of 64 images is too small for the paper's heads: small heads stand in"]);
    expect(configured({ preset: 'paper-cifar10' })).toEqual({ config: PAPER, notes: [] });
    expect(configured({ batch: 2 }).notes).toEqual([]);
  });

  it('is refused where a run goes on: its discriminator is in its state', () => {
    expect(() => configured({ resume: 's.state', batch: 64 }, SAVED)).toThrow(
      expect.objectContaining({
        code: 'bad-argument',
        detail: expect.objectContaining({ where: 'heads', found: 'batch 64' }),
      }),
    );
    expect(configured({ resume: 's.state', batch: 128 }, SAVED)).toEqual({
      config: { ...SAVED, batch: 128 },
      notes: [],
    });
    // A run that began with small heads keeps them at any batch.
    const small = { ...SAVED, batch: 64, heads: 'small' } as const;
    expect(configured({ resume: 's.state', batch: 256 }, small).config.heads).toBe('small');
  });

  it('is nothing to a method without a discriminator', () => {
    const options = { method: 'imitation', batch: 64 } as const;
    expect(configured({ ...options, preset: 'paper-cifar10' }).notes).toEqual([]);
    const { config, notes } = configured(
      { resume: 's.state', ...options },
      { ...PAPER, method: 'imitation' },
    );
    expect([config.batch, notes]).toEqual([64, []]);
  });
});

it('a saved run goes on with the heads that it has', () => {
  const small = { ...SAVED, heads: 'small' } as const;
  expect(() => checkSameKind(SAVED, { ...SAVED, images: 1 }, 's.state')).not.toThrow();
  expect(() => checkSameKind(SAVED, small, 's.state')).toThrow(
    expect.objectContaining({
      code: 'mismatch',
      detail: {
        where: 's.state',
        expected: expect.stringContaining('--method gdd --freeze 0 --features efficientnet-lite0'),
        found: expect.stringMatching(/--nfe 1, small heads$/),
      },
    }),
  );
  const without = { method: 'imitation' } as const;
  expect(() => checkSameKind({ ...SAVED, ...without }, { ...small, ...without }, 's.state')).not.toThrow();
});
