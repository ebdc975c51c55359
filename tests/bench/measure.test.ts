import { describe, expect, it } from 'vitest';
import type { BenchBrowser } from '../../bench/browser';
import type { EngineName } from '../../bench/engine-names';
import { measure } from '../../bench/measure';
import { NETS } from '../../bench/nets';
import type { Method } from '../../bench/page/protocol';

const SIZE = 3 * 32 * 32;
const golden = new Float32Array(2 * SIZE).fill(0.5);

interface Fake {
  /** Times of the runs, the first one included. */
  times: number[];
  value?: number;
  gpuErrors?: string[];
  failsAt?: Method;
}

/** A browser whose workers answer as told; `calls` is what they were asked, in order. */
async function measured(fakes: Partial<Record<EngineName, Fake>>, apart = false) {
  const calls: string[] = [];
  let browsers = 0;
  const browser = (): BenchBrowser => {
    browsers++;
    const runs: Record<string, number> = {};
    return {
      version: '1',
      closeWorker: async () => {},
      close: async () => {},
      call: (async (worker: EngineName, method: Method) => {
        calls.push(`${worker} ${method}`);
        const { times, value = 0.5, gpuErrors = [], failsAt } = fakes[worker]!;
        if (method === failsAt) throw new Error('out of memory');
        if (method === 'prepare') return 100;
        if (method === 'output') return new Array(SIZE).fill(value);
        if (method === 'stats') return { peakBytes: 1, flops: 2, bytesMoved: 3, notes: ['n'], gpuErrors };
        if (method !== 'run') return undefined;
        runs[worker] = (runs[worker] ?? -1) + 1;
        return { ms: times[runs[worker]]!, encodeMs: 1, dispatches: 7, submits: 1 };
      }) as BenchBrowser['call'],
    };
  };
  const results = await measure({
    net: NETS.small,
    batch: 1,
    runs: 3,
    warmUps: 1,
    engines: Object.keys(fakes) as EngineName[],
    files: { weights: '', onnx: '', identity: '' },
    golden,
    apart,
    browser: async () => browser(),
    progress: () => {},
  });
  return { results, calls, browsers };
}

describe('measure', () => {
  it('interleaves the runs, and leaves first and warm-up runs out of the median', async () => {
    const { results, calls } = await measured({
      'innate-webgpu': { times: [1000, 500, 3, 1, 2] },
      'ort-webgpu': { times: [2000, 900, 30, 10, 50] },
    });
    expect(results[0]).toMatchObject({
      medianMs: 2,
      minMs: 1,
      prepareMs: 100,
      firstMs: 1100,
      encodeMs: 1,
      dispatches: 7,
      peakBytes: 1,
      maxAbsError: 0,
      maxPeerDifference: 0,
      failures: [],
    });
    expect(results[1]).toMatchObject({ medianMs: 30, minMs: 10, firstMs: 2100 });
    const runs = calls.filter((call) => call.endsWith('run')).slice(2);
    expect(runs.slice(0, 4)).toEqual([
      'innate-webgpu run',
      'ort-webgpu run',
      'innate-webgpu run',
      'ort-webgpu run',
    ]);
  });

  it('a wrong output fails its engine, and shows in the others as the difference', async () => {
    const { results } = await measured({
      'innate-webgpu': { times: [1, 1, 1, 1, 1], value: 0.501 },
      'ort-wasm': { times: [1, 1, 1, 1, 1] },
    });
    expect(results[0]!.failures.join()).toContain('differs from PyTorch by 1.0e-3');
    expect(results[1]!.maxPeerDifference).toBeCloseTo(1e-3, 6);
  });

  it('half precision has a tolerance of its own, and is no reference for others', async () => {
    const { results } = await measured({
      'innate-webgpu-f16': { times: [1, 1, 1, 1, 1], value: 0.501 },
      'innate-webgpu': { times: [1, 1, 1, 1, 1] },
      'ort-wasm': { times: [1, 1, 1, 1, 1] },
    });
    expect(results.map((r) => r.failures)).toEqual([[], [], []]);
    expect(results[1]!.maxPeerDifference).toBe(0);
  });

  it('an engine that fails is out, the others go on', async () => {
    const { results, calls } = await measured({
      'tfjs-webgpu': { times: [], failsAt: 'prepare' },
      'ort-wasm': { times: [1, 1, 1, 1, 1] },
    });
    expect(results[0]!.failures).toEqual(['first run: out of memory']);
    expect(results[0]!.medianMs).toBeNull();
    expect(calls.filter((call) => call === 'tfjs-webgpu run')).toEqual([]);
    expect(results[1]).toMatchObject({ medianMs: 1, failures: [] });
  });

  it('an error that the GPU reported on its own fails the engine, however right its output', async () => {
    const { results } = await measured({
      'innate-webgpu': { times: [1, 1, 1, 1, 1], gpuErrors: ['binding too small\n - while'] },
    });
    expect(results[0]!.failures).toEqual(['GPU error: binding too small']);
    expect(results[0]!.medianMs).toBe(1);
  });

  it('apart: a browser for each engine', async () => {
    const fake = { times: [1, 1, 1, 1, 1] };
    expect((await measured({ 'innate-wasm': fake, 'ort-wasm': fake }, true)).browsers).toBe(2);
    expect((await measured({ 'innate-wasm': fake, 'ort-wasm': fake })).browsers).toBe(1);
  });
});
