import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileSource } from '../../cli/files';
import { readSafetensors } from '../../src/formats/safetensors';
import { readFloat32, readInt32 } from '../../src/formats/tensor';

export const FIXTURES = join(import.meta.dirname, '../fixtures');

export interface Golden {
  float(name: string): Float32Array;
  has(name: string): boolean;
  names(): string[];
  shape(name: string): readonly number[];
  classes: Int32Array | null;
  metadata: ReadonlyMap<string, string>;
}

export function readGolden(path: string): Golden {
  const { tensors, metadata } = readSafetensors(fileSource(path));
  const classes = tensors.get('class_index');
  return {
    float: (name) => readFloat32(tensors.get(name)!),
    has: (name) => tensors.has(name),
    names: () => [...tensors.keys()],
    shape: (name) => tensors.get(name)!.shape,
    classes: classes ? readInt32(classes) : null,
    metadata,
  };
}

export interface ParityCase {
  name: string;
  checkpoint: string;
  golden: string;
}

/** The parity cases that come with the project: small networks of every kind. */
export const shippedCases = (): ParityCase[] =>
  readdirSync(join(FIXTURES, 'parity'))
    .filter((f) => f.endsWith('.golden.safetensors') && !/^(attention|features)/.test(f))
    .map((f) => {
      const name = f.replace('.golden.safetensors', '');
      const folder = existsSync(join(FIXTURES, 'parity', `${name}.pkl`)) ? 'parity' : 'mini';
      return { name, checkpoint: join(FIXTURES, folder, `${name}.pkl`), golden: join(FIXTURES, 'parity', f) };
    });

/** Larger networks in the folder that INNATE_FIXTURES names; none when it is not set. */
export function externalCases(): ParityCase[] {
  const folder = process.env.INNATE_FIXTURES;
  if (!folder) return [];
  return readdirSync(folder)
    .filter((f) => f.endsWith('.golden.safetensors'))
    .map((f) => {
      const name = f.replace('.golden.safetensors', '');
      return { name, checkpoint: join(folder, `${name}.pkl`), golden: join(folder, f) };
    });
}

/** Largest absolute difference; infinite when the lengths differ or anything is not a number. */
export function maxError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let max = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!);
    if (!(d <= max)) max = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  }
  return max;
}
