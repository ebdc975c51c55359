import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { build } from 'vite';
import { asInnateError, InnateError } from '../src/lib/errors';
import { ADAPTER_CHOICES, type AdapterChoice, type BenchBrowser, openBrowser } from './browser';
import { ENGINE_NAMES, type EngineName, TILE_ENGINE_NAMES } from './engine-names';
import { prepareNet, readGolden, writeGoldenInput } from './files';
import { hardwarePlan } from './hardware-plan';
import { latencyTable, measureLatency } from './latency';
import { measure } from './measure';
import { NET_NAMES, NETS, type NetName } from './nets';
import { networkCost } from './network-cost';
import { type BenchReport, benchTable, describeMachine, machineLoad, microTable } from './report';
import { serveFolders } from './server';
import { TRAIN_NET_NAMES, type TrainNetName } from './train/nets';
import { measureTraining, type TrainOptions, trainTable } from './train/run';
import { kernelTable, measureKernels } from './wasm-kernels';

const ROOT = join(import.meta.dirname, '../..');
const DATA = join(ROOT, 'build/bench/data');
const PAGE = join(ROOT, 'build/bench/page');

interface Options {
  net: NetName | TrainNetName;
  train: boolean;
  backends: TrainOptions['backends'];
  pytorch: boolean;
  recomputation: boolean;
  batch?: number;
  runs: number;
  warmUps: number;
  adapter: AdapterChoice;
  engines: EngineName[];
  cold: boolean;
  micro: boolean;
  wasmKernels: boolean;
  latency: boolean;
  features: boolean;
  goldenInput: boolean;
  json?: string;
}

const integer = (least: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new InvalidArgumentError(`a number from ${least} on`);
  return value;
};

const engineList = (text: string): EngineName[] => {
  const known: readonly string[] = [...ENGINE_NAMES, ...TILE_ENGINE_NAMES];
  const unknown = text.split(',').find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`choose from ${known.join(', ')}`);
  return text.split(',') as EngineName[];
};

const program = new Command('npm run bench --')
  .description(
    'Innate beside TensorFlow.js and ONNX Runtime Web: one page, one network, the same weights and input.',
  )
  .addOption(
    new Option('--net <name>', `network; with --train ${TRAIN_NET_NAMES.join(', ')} (default: clothes)`)
      .choices([...NET_NAMES, ...TRAIN_NET_NAMES])
      .default('small'),
  )
  .option('--batch <n>', "images a run (default: 1; with --train the network's own)", integer(1))
  .option('--train', 'an iteration of a distillation instead of images, in Node', false)
  .addOption(
    new Option('--backends <names...>', 'with --train, --latency and --features')
      .choices(['wasm', 'webgpu'])
      .default(['wasm', 'webgpu']),
  )
  .option('--no-pytorch', 'with --train: without the PyTorch package beside it')
  .option(
    '--recomputation',
    'with --train: only the plan, with every activation recomputed that can be and with none',
    false,
  )
  .option('--runs <n>', 'timed runs of each engine, interleaved', integer(0), 5)
  .option('--warm-ups <n>', 'runs between the first and the timed ones', integer(0), 1)
  .addOption(new Option('--adapter <name>', 'WebGPU adapter').choices(ADAPTER_CHOICES).default('lavapipe'))
  .option('--engines <names>', 'some engines only, joined by commas', engineList, [...ENGINE_NAMES])
  .option('--cold', 'empty shader caches, a browser for each engine', false)
  .option('--micro', 'single kernels instead of networks', false)
  .option(
    '--wasm-kernels',
    'single WebAssembly kernels of inference and training, on one thread of Node',
    false,
  )
  .option('--latency', 'from the pointer to the picture while Seed is dragged in the built page', false)
  .option(
    '--features',
    'feature networks that images are measured through, op by op and on the plan, in Node',
    false,
  )
  .option('--json <file>', 'also write the figures to a file')
  .option(
    '--golden-input',
    "only write what bench/golden/make.py needs, to make PyTorch's outputs anew",
    false,
  );

/** The page's sources, bundled. */
async function buildPage(): Promise<void> {
  await build({
    configFile: false,
    root: join(ROOT, 'bench/page'),
    logLevel: 'error',
    resolve: { mainFields: ['browser', 'module', 'main'] },
    build: {
      outDir: PAGE,
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 4000,
    },
    worker: { format: 'es' },
  });
}

function versions(): Record<string, string> {
  const version = (name: string) =>
    JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version as string;
  return {
    tfjs: version('@tensorflow/tfjs'),
    'onnxruntime-web': version('onnxruntime-web'),
    node: process.version,
  };
}

async function facts(browser: BenchBrowser, choice: AdapterChoice) {
  const adapter = await browser.call('adapter', 'adapter');
  if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter', { where: choice });
  if (choice === 'hardware' && adapter.software)
    throw new InnateError('backend', 'no hardware GPU', {
      expected: 'a hardware adapter',
      found: adapter.label,
    });
  await browser.closeWorker('adapter');
  return {
    date: new Date().toISOString().slice(0, 16),
    machine: describeMachine(),
    load: machineLoad(),
    adapter: `${choice} (${adapter.description}); ${adapter.features.filter((f) => /f16|subgroups|timestamp/.test(f)).join(', ')}`,
    browser: `Chromium ${browser.version}`,
    versions: versions(),
  };
}

async function main(options: Options): Promise<boolean> {
  if (options.goldenInput) {
    for (const name of NET_NAMES) await writeGoldenInput(DATA, NETS[name]);
    console.log(`weights and inputs are in ${DATA}`);
    return true;
  }
  if (options.wasmKernels) {
    const kernels = await measureKernels(options.runs);
    console.log(kernelTable(kernels));
    save(options, { machine: describeMachine(), load: machineLoad(), kernels });
    return true;
  }
  if (options.features) {
    const bundle = pathToFileURL(join(ROOT, 'build/bench/features.mjs')).href;
    const { measureFeatures, featureTable } = (await import(bundle)) as typeof import('./features');
    const rows = await measureFeatures({
      root: ROOT,
      backends: options.backends,
      runs: options.runs,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    console.log(featureTable(rows));
    save(options, { machine: describeMachine(), load: machineLoad(), rows });
    return true;
  }
  if (options.latency) {
    const server = await serveFolders({ '/': join(ROOT, 'dist') });
    try {
      const rows = await measureLatency({
        url: server.url,
        model: 'afhq-cat-64x64-gdd-i',
        adapter: options.adapter,
        backends: options.backends,
        counts: [1, 24],
        drags: Math.max(1, options.runs),
        progress: (line) => process.stderr.write(`${line}\n`),
      });
      console.log(latencyTable(rows));
      save(options, {
        date: new Date().toISOString(),
        machine: describeMachine(),
        load: machineLoad(),
        rows,
      });
    } finally {
      server.close();
    }
    return true;
  }
  if (options.train) {
    const report = await measureTraining(ROOT, {
      net: isTrained(options.net) ? options.net : 'clothes',
      batch: options.batch ?? null,
      runs: options.runs,
      backends: options.backends,
      pytorch: options.pytorch && !options.recomputation,
      recomputation: options.recomputation,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    console.log(trainTable(report));
    save(options, report);
    return report.engines.some((engine) => engine.msPerIteration !== null);
  }
  if (isTrained(options.net))
    throw new InnateError('bad-argument', 'a network of --train', { expected: NET_NAMES.join(', ') });
  const net = NETS[options.net];
  const batch = options.batch ?? 1;
  const golden = readGolden(ROOT, net);
  const files = await prepareNet(DATA, net, batch, golden);
  await buildPage();
  const server = await serveFolders({
    '/': PAGE,
    '/data/': DATA,
    '/ort/': join(ROOT, 'node_modules/onnxruntime-web/dist'),
  });
  const open = () => openBrowser(server.url, options.adapter, options.cold);
  try {
    const probe = await open();
    const about = await facts(probe, options.adapter);
    const peak = await probe.call('peak', 'peak');
    const micro = options.micro ? await probe.call('micro', 'micro', peak.f32) : null;
    await probe.close();
    if (micro) {
      const report = { ...about, peak, micro };
      console.log(microTable(report));
      save(options, report);
      return true;
    }
    const engines = await measure({
      net,
      batch,
      runs: options.runs,
      warmUps: options.warmUps,
      engines: options.engines,
      files,
      golden: golden.output,
      apart: options.cold || options.net === 'adm',
      browser: open,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    const report: BenchReport = {
      ...about,
      peak,
      cold: options.cold,
      net: net.name,
      batch,
      runs: options.runs,
      network: networkCost(net.config, batch),
      hardwarePlans: (['f32', 'f16'] as const).map((precision) => hardwarePlan(net.config, batch, precision)),
      engines,
    };
    console.log(benchTable(report));
    save(options, report);
    return engines.every((engine) => engine.failures.length === 0);
  } finally {
    server.close();
  }
}

const isTrained = (name: NetName | TrainNetName): name is TrainNetName =>
  (TRAIN_NET_NAMES as readonly string[]).includes(name);

function save({ json }: Options, report: object): void {
  if (json) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
}

try {
  process.exitCode = (await main(program.parse().opts<Options>())) ? 0 : 1;
} catch (error) {
  console.error(asInnateError(error).describe());
  process.exitCode = 1;
}
