import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pythonCommand, pythonRuns } from './python';

/** Why shaders cannot be given to naga here; null where they can. */
export function nagaMissing(): string | null {
  return pythonRuns('import wgpu; wgpu.gpu.request_adapter_sync()')
    ? null
    : 'no naga here (pip install wgpu==0.32; INNATE_PYTHON names its Python)';
}

export interface Verdict {
  adapter: string;
  refused: { name: string; reason: string }[];
  /** Names of shaders that enable a feature which this compiler or its adapter lacks. */
  left: string[];
}

/** A shader module and a pipeline each. */
export function giveToNaga(shaders: readonly { name: string; code: string; entry: string }[]): Verdict {
  const script = join(import.meta.dirname, 'naga.py');
  const run = spawnSync(pythonCommand, [script], {
    input: JSON.stringify({ shaders }),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Verdict;
}
