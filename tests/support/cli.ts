import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const BIN = join(import.meta.dirname, '../../build/cli/innate.mjs');

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
  signal?: NodeJS.Signals | null;
}

/** The built command line as a person runs it. */
export function innate(...args: string[]): CliResult {
  // What a person has fetched is no part of a test.
  const env = { ...process.env, INNATE_CACHE: join(tmpdir(), 'innate-test-no-cache') };
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

export const startInnate = (...args: string[]) => spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' });

/**
 * The command line with a catalogue of the test's own (index.json and what it names), and without the proxies of the
 * machine that tests: a copy of its bundle beside these files. It runs while the test goes on, so that a server of the test can answer it.
 */
export function innateWith(files: Record<string, unknown>, env: Record<string, string>) {
  const folder = scratch();
  mkdirSync(join(folder, 'build/cli'), { recursive: true });
  mkdirSync(join(folder, 'public/models'), { recursive: true });
  copyFileSync(BIN, join(folder, 'build/cli/innate.mjs'));
  symlinkSync(join(BIN, '../../../node_modules'), join(folder, 'node_modules'));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, 'public/models', name), JSON.stringify(content));
  const proxies = /^(https?_proxy|no_proxy|hf_endpoint|innate_cache)$/i;
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !proxies.test(name)));
  const run = (args: string[], more: Record<string, string> = {}): RunningInnate =>
    running(join(folder, 'build/cli/innate.mjs'), args, { ...clean, ...env, ...more });
  return Object.assign(run, { folder });
}

/** The built command line while the test goes on, with a cache of the test's own. */
export const innateBeside = (cache: string, ...args: string[]): RunningInnate =>
  running(BIN, args, { ...process.env, INNATE_CACHE: cache });

function running(bin: string, args: string[], env: NodeJS.ProcessEnv): RunningInnate {
  const child = spawn(process.execPath, [bin, ...args], { stdio: 'pipe', env });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (said.stdout += text));
  child.stderr.on('data', (text) => (said.stderr += text));
  const end = new Promise<CliResult>((resolve) =>
    child.on('close', (status, signal) => resolve({ status, signal, ...said })),
  );
  return { child, end, said };
}

export interface RunningInnate {
  child: ChildProcess;
  /** What it has said so far. */
  said: { stdout: string; stderr: string };
  end: Promise<CliResult>;
}

/** A folder that is gone after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'innate-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
