import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { preset } from '../../src/distil/config';
import { Discriminator } from '../../src/distil/discriminator';
import { headSpecs } from '../../src/nn/discriminator/heads';
import { nominalSizes } from '../../src/nn/features/frozen';

beforeAll(async () => {
  await openBackend('cpu');
});

describe("the paper's heads", () => {
  /** Strided layers of each head and the last kernel, as training/tests/test_method.py has them. */
  it.each([
    { size: 224, layers: [4, 3, 2, 1], kernel: 4 },
    { size: 128, layers: [3, 2, 1, 0], kernel: 4 },
    { size: 112, layers: [4, 3, 2, 0], kernel: 2 }, // the smallest nominal size is 6, which counts as 4
    { size: 96, layers: [3, 2, 1, 0], kernel: 2 },
    { size: 64, layers: [3, 2, 1, 0], kernel: 2 },
    { size: 48, layers: [3, 2, 1, 0], kernel: 1 },
  ])('of images of $size end where their smallest map does', ({ size, layers, kernel }) => {
    const specs = headSpecs({
      style: 'paper',
      channels: [64, 64, 128, 256],
      sizes: nominalSizes(size).map((s) => 2 * s),
      networks: [4],
      classes: 0,
      embeddingDim: 0,
      width: 0,
    });
    expect({ layers: specs.map((s) => s.hidden.length), kernel: specs[3]!.last.kernel }).toEqual({
      layers,
      kernel,
    });
  });
});

describe('class embeddings', () => {
  const table = { rows: 4, dim: 5, values: Float32Array.from({ length: 20 }, (_, i) => i) };
  const features = { channels: [3, 3], sizes: () => [16, 8], maps: () => [] };
  const open = (name: string, classes: number) => {
    const discriminator = new Discriminator([features], preset(name), classes, undefined, table);
    discriminator.dispose();
    return discriminator.heads.embeddingDim;
  };

  it("are for the paper's heads of a conditional network", () => {
    expect(open('paper-cifar10', 3)).toBe(5);
    const refusal = (found: string) =>
      expect.objectContaining({
        code: 'bad-argument',
        detail: expect.objectContaining({
          where: 'classEmbeddings',
          expected: expect.stringMatching(
            /the paper's heads of a conditional network; the small heads have unit/,
          ),
          found,
        }),
      });
    expect(() => open('paper-cifar10', 0)).toThrow(refusal('paper heads, 0 classes'));
    expect(() => open('small', 3)).toThrow(refusal('small heads, 3 classes'));
  });
});
