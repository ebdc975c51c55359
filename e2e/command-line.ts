import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import type { Row } from './distil-page';

/** What `innate distil` logs for the shipped clothes teacher, a line a step. */
export function commandLineLosses(
  count: number,
  batch: number,
  backend: string,
  flags: readonly string[] = [],
): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'innate-e2e-'));
  const root = join(import.meta.dirname, '..');
  const run = spawnSync(
    process.execPath,
    [
      join(root, 'build/cli/innate.mjs'),
      'distil',
      ...['--teacher', 'fashion-mnist-32x32-teacher'],
      ...['--data', join(root, 'public/data/fashion-mnist-32x32.zip'), '--method', 'gdd-i'],
      ...['--images', String(count), '--batch', String(batch), '--backend', backend],
      ...['--preset', 'small-encoder', '--measure-images', '0', '--out', join(folder, 'student.safetensors')],
      ...['--log', join(folder, 'log.jsonl'), ...flags],
    ],
    { encoding: 'utf8' },
  );
  expect(run.status, run.stderr).toBe(0);
  const lines = readFileSync(join(folder, 'log.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line)).filter((line) => !('event' in line));
}

const relative = (a: number, b: number) => Math.abs(a - b) / Math.max(1e-3, Math.abs(b));

/** Within 1e-4 of each other, as many steps as the page's curves have. */
export function expectSameLosses(curves: readonly Row[], log: readonly Row[]): void {
  for (const [i, point] of curves.entries())
    for (const key of ['lossG', 'lossD', 'logitsReal', 'logitsFake'] as const)
      expect(relative(point[key]!, log[i]![key]!), `${key} of step ${i + 1}`).toBeLessThan(1e-4);
}
