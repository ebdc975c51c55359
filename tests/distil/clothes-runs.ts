import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from '../support/cli';

/** The shipped Fashion-MNIST teacher, and the sample pack that it is distilled on. */
export const TEACHER = 'fashion-mnist-32x32-teacher';
export const DATA = join(import.meta.dirname, '../../public/data/fashion-mnist-32x32.zip');

/** Runs of `innate distil` on them, on wasm, in a folder that is gone after the test file. */
export function clothesRuns() {
  const out = scratch();
  return {
    out,
    teacherFile: join(import.meta.dirname, `../../public/models/${TEACHER}.safetensors`),
    /** What is typed for a run of that name. */
    distil: (name: string, ...args: string[]) => [
      'distil',
      ...['--teacher', TEACHER, '--data', DATA, '--backend', 'wasm'],
      // The teacher's own encoder judges a third faster here than the default's features, and learns sooner.
      ...['--preset', 'small-encoder'],
      ...['--out', join(out, `${name}.safetensors`), '--log', join(out, `${name}.jsonl`), '--json'],
      // Measured only where the test says so: real images through a feature network take a quarter of a minute.
      ...(args.includes('--measure-images') ? [] : ['--measure-images', '0']),
      ...args,
    ],
    /** The points that a run has logged. */
    log: (name: string): Record<string, number>[] =>
      readFileSync(join(out, `${name}.jsonl`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter((line) => !('event' in line)),
  };
}
