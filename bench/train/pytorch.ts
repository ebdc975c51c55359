import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepareWeights, readGolden } from '../files';
import { SEEDED_NET, TRAIN_NETS, type TrainNetName } from './nets';

export interface PyTorchRow {
  threads: number;
  imagesPerSecond: number | null;
  /** Processor time of an iteration, all threads: says more where other work runs. */
  processorMs: number | null;
  /** Why there is no figure. */
  reason?: string;
}

/** Threads of PyTorch that are measured, in one process. */
const THREADS = [1, 2] as const;

/**
 * The PyTorch package on the same recipe, teacher and batch, bfloat16, with one and two threads. oneDNN is kept from AMX, which
 * no WebAssembly can use: the ratio to it is judged without.
 */
export async function measurePyTorch(
  root: string,
  net: TrainNetName,
  batch: number,
  iterations: number,
  progress: (line: string) => void,
): Promise<PyTorchRow[]> {
  progress(`PyTorch, ${THREADS.join(' and ')} threads`);
  if (iterations === 0) return pytorchRows(THREADS, '', 'no timed run');
  try {
    const { teacher, recipe, preset } = TRAIN_NETS[net];
    const values = {
      recipe,
      preset,
      batch,
      threads: THREADS.join(','),
      iterations,
      ...(teacher === null && { teacher: await seededTeacher(root) }),
      data: join(root, 'public/data'),
      weights: join(root, 'public/models'),
      'features-dir': join(root, 'public/features'),
    };
    const options = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const env = {
      ...process.env,
      PYTHONPATH: join(root, 'training'),
      OMP_NUM_THREADS: String(Math.max(...THREADS)),
      ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16',
    };
    const python = process.env.INNATE_PYTHON ?? 'python3';
    const script = join(root, 'bench/train/pytorch.py');
    const { stdout } = await promisify(execFile)(python, [script, ...options], { env });
    return pytorchRows(THREADS, stdout, 'PyTorch ended without a figure');
  } catch (error) {
    const { stdout = '', stderr, message } = error as Error & { stdout?: string; stderr?: string };
    return pytorchRows(THREADS, stdout, lastLine(stderr) ?? lastLine(message) ?? 'PyTorch failed');
  }
}

/** The file of the seeded weights: a teacher that no catalogue has. */
async function seededTeacher(root: string): Promise<string> {
  const folder = join(root, 'build/bench/data');
  return join(folder, await prepareWeights(folder, SEEDED_NET, readGolden(root, SEEDED_NET)));
}

/** A row for each number of threads, from what pytorch.py has printed: those that it did not come to have `failure` as their reason. */
export function pytorchRows(threads: readonly number[], stdout: string, failure: string): PyTorchRow[] {
  const found = new Map<number, PyTorchRow>();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue; // the recipe's own notes
    const row = JSON.parse(line) as PyTorchRow;
    found.set(row.threads, row);
  }
  return threads.map(
    (n) => found.get(n) ?? { threads: n, imagesPerSecond: null, processorMs: null, reason: failure },
  );
}

const lastLine = (text = ''): string | undefined => text.trim().split('\n').at(-1) || undefined;

/** Instruction sets of the processor that matter here; Linux tells them. */
export function instructionSets(): string[] {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' ') ?? [];
    return flags.filter((flag) => /^(avx2|fma|avx512f|avx512_bf16|amx_.*)$/.test(flag));
  } catch {
    return [];
  }
}
