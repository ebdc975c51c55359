import type { BenchBrowser } from './browser';
import { type EngineName, tolerance } from './engine-names';
import type { NetFiles } from './files';
import type { BenchNet } from './nets';
import type { RunResult } from './page/protocol';
import { maxAbsError, median } from './statistics';

export interface EngineResult {
  name: EngineName;
  medianMs: number | null;
  minMs: number | null;
  /** Preparation and first run, compilation included; code and weights are in memory before. */
  firstMs: number | null;
  /** Of firstMs: device, upload, session or plan. */
  prepareMs: number | null;
  encodeMs: number | null;
  dispatches: number | null;
  submits: number | null;
  peakBytes: number | null;
  flops: number | null;
  bytesMoved: number | null;
  /** To PyTorch's stored output. */
  maxAbsError: number | null;
  /** To the float32 engine that differs most. */
  maxPeerDifference: number | null;
  notes: string[];
  /** Why this engine fails the benchmark. */
  failures: string[];
}

export interface MeasureOptions {
  net: BenchNet;
  batch: number;
  runs: number;
  warmUps: number;
  engines: readonly EngineName[];
  files: NetFiles;
  golden: Float32Array;
  /** Every engine in a browser of its own, one after the other: cold caches, or too large to be held together. */
  apart: boolean;
  browser(): Promise<BenchBrowser>;
  progress(line: string): void;
}

/** An engine on its way: its first run and the timed ones. */
interface Measured {
  name: EngineName;
  prepareMs: number | null;
  firstMs: number | null;
  runs: RunResult[];
  output: number[] | null;
  result: EngineResult;
}

const empty = (name: EngineName): EngineResult => ({
  name,
  medianMs: null,
  minMs: null,
  firstMs: null,
  prepareMs: null,
  encodeMs: null,
  dispatches: null,
  submits: null,
  peakBytes: null,
  flops: null,
  bytesMoved: null,
  maxAbsError: null,
  maxPeerDifference: null,
  notes: [],
  failures: [],
});

/** All engines on one network, interleaved run by run, every output checked. */
export async function measure(options: MeasureOptions): Promise<EngineResult[]> {
  const measured = options.engines.map(
    (name): Measured => ({
      name,
      prepareMs: null,
      firstMs: null,
      runs: [],
      output: null,
      result: empty(name),
    }),
  );
  const groups = options.apart ? measured.map((one) => [one]) : [measured];
  for (const group of groups) {
    const browser = await options.browser();
    try {
      await measureGroup(browser, group, options);
    } finally {
      await browser.close();
    }
  }
  comparePeers(measured);
  return measured.map(({ result }) => result);
}

async function measureGroup(
  browser: BenchBrowser,
  group: Measured[],
  options: MeasureOptions,
): Promise<void> {
  /** A failing engine is out, the others go on. */
  const attempt = async (one: Measured, what: string, work: () => Promise<void>): Promise<void> => {
    if (one.result.failures.length > 0) return;
    try {
      await work();
    } catch (error) {
      one.result.failures.push(`${what}: ${error instanceof Error ? error.message : error}`);
      await browser.closeWorker(one.name);
    }
  };
  const check = async (one: Measured): Promise<void> => {
    one.output = await browser.call(one.name, 'output');
    checkOutput(one, options);
  };

  for (const one of group)
    await attempt(one, 'first run', async () => {
      const { net, batch, files } = options;
      await browser.call(one.name, 'load', { engine: one.name, net: net.name, batch, files });
      one.prepareMs = await browser.call(one.name, 'prepare');
      one.firstMs = one.prepareMs + (await browser.call(one.name, 'run')).ms;
      options.progress(`${one.name}: first run ${Math.round(one.firstMs)} ms`);
      await check(one);
    });
  for (let round = 0; round < options.warmUps + options.runs; round++)
    for (const one of group)
      await attempt(one, `run ${round + 1}`, async () => {
        const run = await browser.call(one.name, 'run');
        options.progress(`${one.name}: run ${round + 1} ${run.ms.toFixed(1)} ms`);
        if (round >= options.warmUps) one.runs.push(run);
      });
  for (const one of group)
    await attempt(one, 'last output', async () => {
      if (one.runs.length > 0) await check(one);
      const { gpuErrors, ...stats } = await browser.call(one.name, 'stats');
      one.result.failures.push(...gpuErrors.map((e) => `GPU error: ${e.split('\n')[0]}`));
      Object.assign(one.result, stats, timings(one));
    });
}

function checkOutput(one: Measured, { net, batch, golden }: MeasureOptions): void {
  const { inChannels, imgResolution } = net.config.unet;
  const size = batch * inChannels * imgResolution ** 2;
  if (one.output!.length !== size)
    one.result.failures.push(`${one.output!.length} values instead of ${size}`);
  const error = maxAbsError(one.output!, golden);
  one.result.maxAbsError = Math.max(one.result.maxAbsError ?? 0, error);
  if (error > tolerance(one.name))
    one.result.failures.push(`differs from PyTorch by ${error.toExponential(1)}`);
}

function timings({ runs, firstMs, prepareMs }: Measured): Partial<EngineResult> {
  const last = runs.at(-1);
  if (!last) return { firstMs, prepareMs };
  const times = runs.map((run) => run.ms);
  const encodes = runs.map((run) => run.encodeMs).filter((ms) => ms !== null);
  return {
    firstMs,
    prepareMs,
    medianMs: median(times),
    minMs: Math.min(...times),
    encodeMs: encodes.length > 0 ? median(encodes) : null,
    dispatches: last.dispatches,
    submits: last.submits,
  };
}

/** Images beyond the stored ones are checked here only. */
function comparePeers(measured: readonly Measured[]): void {
  const references = measured.filter((m) => m.output && !m.name.endsWith('-f16'));
  for (const one of measured) {
    const others = references.filter((other) => other !== one);
    if (!one.output || others.length === 0) continue;
    const worst = Math.max(...others.map((other) => maxAbsError(one.output!, other.output!)));
    one.result.maxPeerDifference = worst;
    if (worst > 2 * tolerance(one.name) && one.result.failures.length === 0)
      one.result.failures.push(`differs from another engine by ${worst.toExponential(1)}`);
  }
}
