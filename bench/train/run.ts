import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { describeMachine, machineLoad } from '../report';
import { median } from '../statistics';
import { TRAIN_NETS, type TrainNetName } from './nets';
import type { FromEngine, StepFigures, TrainRow } from './protocol';
import { STEP_NAMES } from './protocol';
import { instructionSets, measurePyTorch, type PyTorchRow } from './pytorch';

export interface TrainOptions {
  net: TrainNetName;
  batch: number | null;
  runs: number;
  backends: readonly TrainRow['backend'][];
  pytorch: boolean;
  /** Only whole iterations on the plan, with every activation recomputed that can be and with none. */
  recomputation: boolean;
  progress: (line: string) => void;
}

/** Engines by name; the process of one is started in child.ts. */
const ENGINE_NAMES = ['plan', 'plan, two threads', 'tfjs', 'tfjs-stock'] as const;
const RECOMPUTATION_NAMES = ['plan', 'plan, recomputed'] as const;

export interface TrainResult {
  name: string;
  backend: TrainRow['backend'];
  step: TrainRow['step'];
  batch: number;
  msPerIteration: number | null;
  processorMs: number | null;
  imagesPerSecond: number | null;
  dispatches: number | null;
  submits: number | null;
  encodeMs: number | null;
  peakBytes: number | null;
  /** [generator, discriminator], or the plain step's loss, of the first three iterations. */
  firstLosses: number[][];
  /** Why there are no figures. */
  reason?: string;
}

export interface TrainReport {
  date: string;
  machine: string;
  instructionSets: string[];
  load: number;
  net: TrainNetName;
  runs: number;
  engines: TrainResult[];
  pytorch?: PyTorchRow[];
}

/** A started engine, or the reason why it is none. */
class Engine {
  readonly figures: StepFigures[] = [];
  failed: string | null = null;
  private readonly child: ChildProcess;

  constructor(
    readonly row: TrainRow,
    script: string,
  ) {
    this.child = fork(script, [JSON.stringify(row)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  /** Whether the engine is ready for its first iteration. */
  async opened(): Promise<void> {
    await this.answer();
  }

  async step(): Promise<void> {
    if (this.failed !== null) return;
    this.child.send('step');
    const answer = await this.answer();
    if (answer && 'figures' in answer) this.figures.push(answer.figures);
  }

  end(): void {
    this.child.kill();
  }

  private answer(): Promise<FromEngine | null> {
    return new Promise((resolve) => {
      const ended = (code: number | null, signal: string | null) => {
        this.failed ??= `the process ended (${signal ?? code})`;
        resolve(null);
      };
      this.child.once('exit', ended);
      this.child.once('message', (message: FromEngine) => {
        this.child.off('exit', ended);
        if ('failed' in message) this.failed = message.failed;
        resolve(message);
      });
    });
  }
}

/** A whole iteration and a plain step of every engine, in turn, each in a process of its own; then PyTorch. */
export async function measureTraining(root: string, options: TrainOptions): Promise<TrainReport> {
  const { net, runs, backends } = options;
  const batch = options.batch ?? TRAIN_NETS[net].batch;
  const script = join(root, 'build/bench/train-engine.mjs'); // bench/run.mjs makes it
  const engines: TrainResult[] = [];
  const [names, steps] = options.recomputation
    ? [RECOMPUTATION_NAMES, ['gdd-i'] as const]
    : [ENGINE_NAMES, STEP_NAMES];
  for (const backend of backends)
    for (const step of steps) {
      const rows = names.map((engine): TrainRow => ({ engine, backend, step, net, batch }));
      engines.push(...(await inTurn(rows, script, runs)));
      for (const engine of engines.slice(-rows.length))
        options.progress(
          `${engine.name}, ${backend}, ${step}: ${engine.reason ?? `${engine.msPerIteration} ms`}`,
        );
    }
  const pytorch = options.pytorch
    ? await measurePyTorch(root, net, batch, runs, options.progress)
    : undefined;
  return {
    date: new Date().toISOString().slice(0, 16),
    machine: describeMachine(),
    instructionSets: instructionSets(),
    load: machineLoad(),
    net,
    runs,
    engines,
    ...(pytorch && { pytorch }),
  };
}

/** The first iteration of each warms up, and counts among the first losses only. */
async function inTurn(rows: readonly TrainRow[], script: string, runs: number): Promise<TrainResult[]> {
  const engines: Engine[] = [];
  try {
    for (const row of rows) {
      const engine = new Engine(row, script);
      engines.push(engine);
      await engine.opened();
    }
    for (let run = 0; run <= runs; run++) for (const engine of engines) await engine.step();
  } finally {
    for (const engine of engines) engine.end();
  }
  return engines.map(result);
}

function result({ row, figures, failed }: Engine): TrainResult {
  const { engine: name, backend, step, batch } = row;
  const timed = figures.slice(1);
  const common = { name, backend, step, batch, firstLosses: figures.slice(0, 3).map((f) => f.losses) };
  if (failed !== null || timed.length === 0)
    return {
      ...common,
      msPerIteration: null,
      processorMs: null,
      imagesPerSecond: null,
      dispatches: null,
      submits: null,
      encodeMs: null,
      peakBytes: null,
      reason: failed ?? 'no timed run',
    };
  const middle = (field: 'ms' | 'processorMs') => median(timed.map((f) => f[field]));
  const last = timed.at(-1)!;
  const ms = middle('ms');
  return {
    ...common,
    msPerIteration: ms,
    processorMs: middle('processorMs'),
    imagesPerSecond: (1000 * batch) / ms,
    dispatches: last.dispatches,
    submits: last.submits,
    encodeMs: last.encodeMs === null ? null : median(timed.map((f) => f.encodeMs!)),
    peakBytes: Math.max(...figures.map((f) => f.peakBytes)),
  };
}

const number = (value: number | null, digits = 0): string => (value === null ? '' : value.toFixed(digits));

export function trainTable({
  net,
  machine,
  instructionSets: sets,
  load,
  engines,
  pytorch,
}: TrainReport): string {
  const lines = [
    `${TRAIN_NETS[net].title}; ${machine}; ${sets.join(', ')}; load ${load}`,
    '| engine | step | batch | ms | processor ms | images/s | dispatches / submits | encode ms | peak MB | losses |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...engines.map((e) => {
      const head = `| ${e.name}, ${e.backend} | ${e.step} | ${e.batch}`;
      if (e.reason !== undefined) return `${head} | ${e.reason} |||||||`;
      const calls = e.dispatches === null ? '' : `${e.dispatches} / ${e.submits}`;
      const losses = e.firstLosses.map((l) => l.map((v) => v.toFixed(4)).join(' ')).join(', ');
      const megabytes = e.peakBytes === null ? null : e.peakBytes / 1e6;
      return `${head} | ${number(e.msPerIteration)} | ${number(e.processorMs)} | ${number(e.imagesPerSecond, 2)} | ${calls} | ${number(e.encodeMs)} | ${number(megabytes)} | ${losses} |`;
    }),
  ];
  for (const { threads, imagesPerSecond, processorMs, reason } of pytorch ?? [])
    lines.push(
      `PyTorch, bfloat16, ${threads} thread${threads > 1 ? 's' : ''}: ${reason ?? `${number(imagesPerSecond, 1)} images/s, ${number(processorMs)} ms of processor time an iteration`}`,
    );
  return lines.join('\n');
}
