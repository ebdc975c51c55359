import { join } from 'node:path';
import { openBackend } from '../cli/backend';
import { featureWeights } from '../cli/data';
import { fileSource } from '../cli/files';
import { recordedGraphs } from '../cli/recorded-graphs';
import { extract } from '../src/engine/measure/extract';
import { type MeasureNetwork, openMeasureNetwork } from '../src/engine/measure/measure-networks';
import { readSafetensors } from '../src/formats/safetensors';
import type { WeightSource } from '../src/nn/weights';
import { median } from './statistics';

/** A feature network on one back-end: op by op on TensorFlow.js, and on the plan, in turn. */
export interface FeatureRow {
  network: 'resnet56' | 'inception';
  backend: 'wasm' | 'webgpu';
  images: number;
  /** Images a second, medians over the runs. */
  eager: number;
  planned: number;
  /** Seconds of processor time an image, of all threads. */
  eagerCpu: number;
  plannedCpu: number;
}

export interface FeatureBenchOptions {
  root: string;
  backends: readonly ('wasm' | 'webgpu')[];
  runs: number;
  progress: (line: string) => void;
}

/** Images of 32 x 32 of one run. */
const IMAGES = { resnet56: 200, inception: 8 } as const;

export async function measureFeatures(options: FeatureBenchOptions): Promise<FeatureRow[]> {
  const rows: FeatureRow[] = [];
  for (const backend of options.backends)
    for (const network of ['resnet56', 'inception'] as const) rows.push(await row(network, backend, options));
  return rows;
}

async function row(
  network: FeatureRow['network'],
  backend: FeatureRow['backend'],
  { root, runs, progress }: FeatureBenchOptions,
): Promise<FeatureRow> {
  const active = await openBackend(backend);
  const inception = network === 'inception' ? drawnInception(root) : null;
  const open = (planned: boolean) =>
    openMeasureNetwork({
      features: network,
      weights: featureWeights,
      inception,
      plan: planned ? recordedGraphs(active) : undefined,
    });
  const [eager, planned] = [await open(false), await open(true)];
  const images = IMAGES[network];
  const values = Float32Array.from({ length: images * 3 * 32 ** 2 }, (_, i) => Math.sin(i));
  const timed = async (net: MeasureNetwork) => {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    await extract(net, { values, channels: 3, resolution: 32 });
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
  };
  await timed(eager); // compiles
  await timed(planned);
  const found = { eager: [] as Timed[], planned: [] as Timed[] };
  for (let run = 0; run < runs; run++) {
    found.eager.push(await timed(eager));
    found.planned.push(await timed(planned));
    progress(`${network} on ${backend}: run ${run + 1} of ${runs}`);
  }
  eager.dispose();
  planned.dispose();
  const rate = (of: Timed[]) => images / median(of.map(({ seconds }) => seconds));
  const cpu = (of: Timed[]) => median(of.map((one) => one.cpu)) / images;
  return {
    network,
    backend,
    images,
    eager: rate(found.eager),
    planned: rate(found.planned),
    eagerCpu: cpu(found.eager),
    plannedCpu: cpu(found.planned),
  };
}

interface Timed {
  seconds: number;
  cpu: number;
}

/** Inception in its full size, of drawn weights: its time does not depend on them. */
export function drawnInception(root: string): WeightSource {
  const path = join(root, 'tests/fixtures/method/inception-full.golden.safetensors');
  const { metadata } = readSafetensors(fileSource(path));
  const published = JSON.parse(metadata.get('shapes')!) as Record<string, number[]>;
  const shapes = new Map<string, number[]>([['fc.weight', published['fc.weight']!]]);
  for (const [name, shape] of Object.entries(published)) {
    const layer = /^(.*)\.conv\.weight$/.exec(name)?.[1];
    if (layer === undefined) continue;
    shapes.set(`${layer}.weight`, shape);
    shapes.set(`${layer}.bias`, [shape[0]!]);
  }
  return {
    names: () => shapes.keys(),
    shape: (name) => shapes.get(name),
    read(name) {
      const shape = shapes.get(name)!;
      const count = shape.reduce((a, b) => a * b, 1);
      const scale = shape.length > 1 ? Math.sqrt(3 / (count / shape[0]!)) : 0.2;
      return Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i * 12.9898 + count));
    },
  };
}

export function featureTable(rows: readonly FeatureRow[]): string {
  const cells = rows.map(
    (r) =>
      `| ${r.network} | ${r.backend} | ${r.eager.toFixed(1)} | ${r.planned.toFixed(1)} | ${(r.planned / r.eager).toFixed(1)} | ${(1000 * r.eagerCpu).toFixed(1)} | ${(1000 * r.plannedCpu).toFixed(1)} |`,
  );
  return [
    '| network | back-end | images/s op by op | on the plan | ratio | processor ms an image, op by op | on the plan |',
    '|---|---|---|---|---|---|---|',
    ...cells,
  ].join('\n');
}
