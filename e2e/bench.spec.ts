import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { BenchReport } from '../bench/report';

/** The benchmark itself, on the engines that are fast without a GPU: what it counts and checks. */
test('npm run bench: outputs equal PyTorch, one submission, the figures of the file', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'innate-bench-')), 'bench.json');
  const run = spawnSync(
    process.execPath,
    [
      join(import.meta.dirname, '../bench/run.mjs'),
      ...['--adapter', process.env.INNATE_SOFTWARE_ADAPTER ?? 'swiftshader'],
      ...[
        '--engines',
        'innate-webgpu,innate-wasm,ort-wasm',
        '--runs',
        '1',
        '--warm-ups',
        '0',
        '--json',
        file,
      ],
    ],
    { encoding: 'utf8', cwd: join(import.meta.dirname, '..') },
  );
  expect(run.status, run.stderr).toBe(0);
  expect(run.stdout).toContain('FMA peak');
  const { net, runs, engines, network } = JSON.parse(readFileSync(file, 'utf8')) as BenchReport;
  expect([net, runs, network.parameters]).toEqual(['small', 1, 7_081_923]);
  expect(engines.map((e) => e.name)).toEqual(['innate-webgpu', 'innate-wasm', 'ort-wasm']);
  for (const engine of engines) {
    expect(engine.failures).toEqual([]);
    expect(engine.maxAbsError).toBeLessThan(5e-5);
    expect(engine.maxPeerDifference).toBeLessThan(5e-5);
    expect(engine.firstMs).toBeGreaterThan(engine.prepareMs!);
    expect(engine.medianMs).toBeGreaterThan(0);
    // The weights alone are 28 MB.
    expect(engine.peakBytes).toBeGreaterThan(28e6);
  }
  const [webgpu, wasm] = engines;
  expect(webgpu!.submits).toBe(1);
  expect(webgpu!.dispatches).toBeLessThanOrEqual(220);
  expect(webgpu!.encodeMs).toBeLessThan(webgpu!.medianMs!);
  expect(webgpu!.bytesMoved).toBeGreaterThan(28e6);
  expect(wasm!.dispatches).toBeNull();
});
