// The Python that lints and tests training/, compares it with the page and gives shaders to naga: INNATE_PYTHON names
// it where it is not `python3`. One virtual environment can hold all that (.ci/run makes it).
import { spawnSync } from 'node:child_process';

export const python = process.env.INNATE_PYTHON ?? 'python3';

/** Whether that Python is there and can import all these modules. */
export function pythonHas(...modules) {
  return spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' }).status === 0;
}
