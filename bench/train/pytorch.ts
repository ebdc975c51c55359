import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TRAIN_NETS, type TrainNetName } from './nets';

export interface PyTorchRow {
  threads: number;
  imagesPerSecond: number | null;
  /** Processor time of an iteration, all threads: says more where other work runs. */
  processorMs: number | null;
  /** Why there is no figure. */
  reason?: string;
}

/**
 * The PyTorch package on the same recipe and batch, bfloat16, with one and two threads. oneDNN is kept from AMX, which no
 * WebAssembly can use: the ratio to it is judged without.
 */
export async function measurePyTorch(
  root: string,
  net: TrainNetName,
  batch: number,
  iterations: number,
  progress: (line: string) => void,
): Promise<PyTorchRow[]> {
  const { recipe } = TRAIN_NETS[net];
  const rows: PyTorchRow[] = [];
  for (const threads of [1, 2]) {
    if (!recipe) {
      rows.push({
        threads,
        imagesPerSecond: null,
        processorMs: null,
        reason: 'there is no recipe of random weights',
      });
      continue;
    }
    const values = {
      recipe: recipe.name,
      preset: recipe.preset,
      batch,
      threads,
      iterations,
      data: join(root, 'public/data'),
      weights: join(root, 'public/models'),
      'features-dir': join(root, 'public/features'),
    };
    const options = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const env = {
      ...process.env,
      PYTHONPATH: join(root, 'training'),
      OMP_NUM_THREADS: String(threads),
      ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16',
    };
    progress(`PyTorch, ${threads}`);
    try {
      const python = process.env.INNATE_PYTHON ?? 'python3';
      const { stdout } = await promisify(execFile)(
        python,
        [join(root, 'bench/train/pytorch.py'), ...options],
        { env },
      );
      const { imagesPerSecond, processorMs } = JSON.parse(stdout.trim().split('\n').at(-1)!);
      rows.push({ threads, imagesPerSecond, processorMs });
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      const last = (stderr || message).trim().split('\n').at(-1)!;
      rows.push({ threads, imagesPerSecond: null, processorMs: null, reason: last });
    }
  }
  return rows;
}

/** Instruction sets of the processor that matter here; Linux tells them. */
export function instructionSets(): string[] {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' ') ?? [];
    return flags.filter((flag) => /^(avx2|fma|avx512f|avx512_bf16|amx_.*)$/.test(flag));
  } catch {
    return [];
  }
}
