import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What setup.sh exports, installing what is missing first. */
export function softwareGpuEnv() {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'setup.sh');
  const file = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  const dump = execFileSync('bash', ['-c', `source "${file}" && env -0`], { encoding: 'utf8' });
  return Object.fromEntries(
    dump
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
