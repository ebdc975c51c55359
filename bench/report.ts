import { cpus, loadavg, type as osType, release, totalmem } from 'node:os';
import type { HardwarePlan } from './hardware-plan';
import type { EngineResult } from './measure';
import type { NetworkCost } from './network-cost';
import type { MicroResult, Peak } from './page/protocol';

/** On what, and with what, something was measured. */
export interface Circumstances {
  date: string;
  machine: string;
  /** Runnable processes, averaged over the last minute, before the runs: other work on the machine shows here. */
  load: number;
  adapter: string;
  browser: string;
  versions: Record<string, string>;
  /** GFLOP/s of fused multiply-adds, measured just before. */
  peak: Peak;
}

export interface BenchReport extends Circumstances {
  cold: boolean;
  net: string;
  batch: number;
  runs: number;
  network: NetworkCost;
  /** The plan for a hardware GPU, reckoned. */
  hardwarePlans: HardwarePlan[];
  engines: EngineResult[];
}

export interface MicroReport extends Circumstances {
  micro: MicroResult[];
}

export function describeMachine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all[0]!.model.trim()}, ${all.length} cores, ${memory} GiB, ${osType()} ${release()}`;
}

export const machineLoad = (): number => Math.round(10 * loadavg()[0]!) / 10;

const ms = (value: number | null) =>
  value === null ? '-' : value < 100 ? value.toFixed(1) : value.toFixed(0);
const count = (value: number | null) => (value === null ? '-' : String(value));
const megabytes = (value: number | null) => (value === null ? '-' : (value / 1e6).toFixed(0));
const error = (value: number | null) => (value === null ? '-' : value.toExponential(1));

/** Columns padded to their widest cell; the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n');
}

function header({ machine, load, adapter, browser, peak }: Circumstances): string {
  const half = peak.f16 === null ? 'no shader-f16' : `${peak.f16.toFixed(1)} in f16`;
  return [
    `${machine}; load ${load}`,
    `${browser}; ${adapter}`,
    `FMA peak ${peak.f32.toFixed(1)} GFLOP/s in f32 (${peak.rolled.toFixed(1)} in loops that are not unrolled), ${half}`,
  ].join('\n');
}

/** GFLOP/s count the network's direct evaluation, whatever an engine really computes. */
export function benchTable(report: BenchReport): string {
  const { network, engines, peak } = report;
  const gflops = (result: EngineResult) =>
    result.medianMs === null ? null : network.flops / result.medianMs / 1e6;
  const share = (result: EngineResult) => {
    const speed = gflops(result);
    return speed === null || result.dispatches === null ? '-' : `${Math.round((100 * speed) / peak.f32)} %`;
  };
  const rows = engines.map((e) => [
    e.name,
    ms(e.medianMs),
    ms(e.minMs),
    ms(e.firstMs),
    ms(e.encodeMs),
    count(e.dispatches),
    count(e.submits),
    megabytes(e.peakBytes),
    megabytes(e.bytesMoved),
    gflops(e)?.toFixed(1) ?? '-',
    share(e),
    error(e.maxAbsError),
  ]);
  const titles = [
    'engine',
    'median ms',
    'min',
    'first',
    'encode',
    'dispatches',
    'submits',
    'peak MB',
    'moved MB',
    'GFLOP/s',
    'of peak',
    'max error',
  ];
  const cost = `${report.net}, batch ${report.batch}: ${(network.parameters / 1e6).toFixed(1)} M parameters, ${(network.flops / 1e9).toFixed(2)} GFLOP, at least ${(network.leastBytes / 1e6).toFixed(0)} MB to move; ${report.runs} runs${report.cold ? ', cold shader cache' : ''}`;
  return [
    header(report),
    cost,
    '',
    table([titles, ...rows]),
    ...footnotes(engines),
    '',
    ...hardware(report),
  ].join('\n');
}

/** What does not depend on the adapter at hand. */
function hardware({ hardwarePlans }: BenchReport): string[] {
  return hardwarePlans.map(
    (p) =>
      `planned for a hardware GPU, ${p.precision}: ${p.dispatches} dispatches in one submit, ${megabytes(p.gpuBytes)} MB of memory, ` +
      `${megabytes(p.bytesMoved)} MB moved (${(p.bytesMoved / p.leastBytes).toFixed(2)} times the least), ${(p.flops / 1e9).toFixed(2)} GFLOP`,
  );
}

function footnotes(engines: readonly EngineResult[]): string[] {
  const notes = engines.flatMap((e) => e.notes.map((note) => `${e.name}: ${note}`));
  const failures = engines.flatMap((e) => e.failures.map((failure) => `FAILED ${e.name}: ${failure}`));
  return ['', ...notes, ...failures];
}

export function microTable(report: MicroReport): string {
  const rows = report.micro.map((m) => [
    m.family,
    m.case,
    m.ms.toFixed(2),
    m.gflops.toFixed(1),
    `${Math.round(100 * m.share)} %`,
  ]);
  return [header(report), '', table([['kernel', 'case', 'ms', 'GFLOP/s', 'of peak'], ...rows])].join('\n');
}
