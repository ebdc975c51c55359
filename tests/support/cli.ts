import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const BIN = join(import.meta.dirname, '../../build/cli/innate.mjs');

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** The built command line as a person runs it. */
export function innate(...args: string[]): CliResult {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

export const startInnate = (...args: string[]) => spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' });

/** A folder that is gone after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'innate-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
