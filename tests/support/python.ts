import { spawnSync } from 'node:child_process';

/** The Python of tests that need one: INNATE_PYTHON names it where it is not `python3`. */
export const pythonCommand = process.env.INNATE_PYTHON ?? 'python3';

/** Whether that Python runs this code to its end. */
export function pythonRuns(code: string): boolean {
  return spawnSync(pythonCommand, ['-c', code], { stdio: 'ignore' }).status === 0;
}
