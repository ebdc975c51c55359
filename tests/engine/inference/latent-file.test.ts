import { describe, expect, test } from 'vitest';
import { NoLatents, readLatentFile } from '../../../src/engine/inference/latent-file';
import { writeNpy } from '../../../src/formats/npy';
import { writeNpz } from '../../../src/formats/npz';
import { writeSafetensors } from '../../../src/formats/safetensors';
import { bufferSource } from '../../../src/formats/source';
import type { InnateError } from '../../../src/lib/errors';
import { seedNoise } from '../../../src/rng/seeds';

const SHAPE = { channels: 3, resolution: 8 };
const SIZE = 3 * 64;
const z = seedNoise(7, SIZE);

const npy = (shape: number[], data = z) => bufferSource(writeNpy({ dtype: 'f32', shape, data }), 'z.npy');
const read = (source: ReturnType<typeof npy>) => readLatentFile(source, SHAPE);
const problem = (source: ReturnType<typeof npy>): InnateError => {
  try {
    read(source);
  } catch (error) {
    return error as InnateError;
  }
  throw new Error('it was read');
};

function safetensors(tensors: Record<string, { shape: number[]; data: Float32Array }>) {
  const all = new Map(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      {
        dtype: 'f32' as const,
        shape,
        bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      },
    ]),
  );
  const parts = [...writeSafetensors({ tensors: all, metadata: new Map() })];
  return bufferSource(new Uint8Array(Buffer.concat(parts)), 'z.safetensors');
}

describe('a file of latents', () => {
  test.each([[[1, 3, 8, 8]], [[3, 8, 8]]])('of shape %j', (shape) => {
    expect(read(npy(shape))).toEqual([z]);
  });

  test('with channels last, in float64, in an archive and as safetensors', () => {
    const last = new Float32Array(SIZE);
    for (let c = 0; c < 3; c++) for (let p = 0; p < 64; p++) last[p * 3 + c] = z[c * 64 + p]!;
    expect(read(npy([1, 8, 8, 3], last))).toEqual([z]);
    expect(read(npy([8, 8, 3], last))).toEqual([z]);
    const wide = writeNpy({ dtype: 'f64', shape: [3, 8, 8], data: Float64Array.from(z) });
    expect(read(bufferSource(wide, 'z.npy'))).toEqual([z]);
    const archive = writeNpz({
      labels: { dtype: 'i64', shape: [1], data: BigInt64Array.of(3n) },
      mine: { dtype: 'f32', shape: [1, 3, 8, 8], data: z },
    });
    expect(read(bufferSource(archive, 'z.npz'))).toEqual([z]);
    expect(read(safetensors({ latents: { shape: [3, 8, 8], data: z } }))).toEqual([z]);
  });

  test('several of them, where they are called latents: of another name they are images', () => {
    const two = Float32Array.from([...z, ...seedNoise(8, SIZE)]);
    const data = { dtype: 'f32' as const, shape: [2, 3, 8, 8], data: two };
    expect(read(bufferSource(writeNpz({ latents: data }), 'z.npz'))).toEqual([z, seedNoise(8, SIZE)]);
    expect(problem(bufferSource(writeNpz({ images: data }), 'z.npz'))).toBeInstanceOf(NoLatents);
  });

  test('of another network says what was expected and found', () => {
    expect(problem(npy([1, 3, 4, 16]))).toMatchObject({
      code: 'mismatch',
      detail: { expected: '[1, 3, 8, 8], [3, 8, 8] or [8, 8, 3]', found: '[1, 3, 4, 16]' },
    });
  });

  test('that was multiplied by sigma, or is not finite, is said to be', () => {
    expect(
      problem(
        npy(
          [3, 8, 8],
          z.map((v) => v * 80),
        ),
      ),
    ).toMatchObject({
      code: 'mismatch',
      detail: { expected: 'a root mean square near 1', hint: expect.stringContaining('divide it by sigma') },
    });
    expect(
      problem(
        npy(
          [3, 8, 8],
          z.map((v, i) => (i === 5 ? Number.NaN : v)),
        ),
      ),
    ).toMatchObject({ code: 'bad-file' });
    expect(read(npy([3, 8, 8], new Float32Array(SIZE)))).toHaveLength(1); // the mean image is a fair question
  });

  test('that holds none is told from one that is damaged: others may know it', () => {
    const images = writeNpz({ images: { dtype: 'u8', shape: [1, 8, 8, 3], data: new Uint8Array(SIZE) } });
    expect(problem(bufferSource(images, 'set.npz'))).toBeInstanceOf(NoLatents);
    const network = safetensors({ 'model.enc.conv.weight': { shape: [3, 8, 8], data: z } });
    expect(problem(network)).toBeInstanceOf(NoLatents);
    expect(problem(bufferSource(new Uint8Array(20), 'a.pkl'))).toBeInstanceOf(NoLatents);
    const short = writeNpy({ dtype: 'f32', shape: [3, 8, 8], data: z }).subarray(0, 400);
    expect(problem(bufferSource(short, 'z.npy'))).not.toBeInstanceOf(NoLatents);
  });
});
