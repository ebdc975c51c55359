import * as attention from '../src/simd/calls/attention';
import * as conv from '../src/simd/calls/convolution';
import { CallList, type MapAt } from '../src/simd/calls/list';
import * as maps from '../src/simd/calls/maps';
import { norm, normGradient, partialValues } from '../src/simd/calls/norm';
import { RELU6 } from '../src/simd/record';
import { SimdRuntime } from '../src/simd/runtime';
import * as trainingKernels from '../src/simd/training-kernels';
import { median } from './statistics';

/**
 * The WebAssembly kernels of training beside those of inference, on one thread of Node: processor time, since other work on the
 * machine says little then. `flops` of a convolution are those of its direct form, two a product, whatever computes it.
 */
export interface KernelRow {
  name: string;
  ms: number;
  /** null where arithmetic is not what takes the time. */
  gflops: number | null;
  /** Values read and written, each once. */
  gigabytes: number;
}

interface Case {
  name: string;
  flops: number | null;
  bytes: number;
  write: (memory: Memory, list: CallList) => void;
}

/** Addresses one after the other; what lies there are small numbers. */
class Memory {
  constructor(private next: number) {}

  get end(): number {
    return this.next;
  }

  room(count: number): number {
    const at = this.next;
    this.next += Math.ceil(count / 16) * 64;
    return at;
  }

  map(images: number, height: number, width: number, channels: number): MapAt {
    return { at: this.room(images * height * width * channels), images, height, width, channels };
  }
}

const size = ({ images, height, width, channels }: MapAt): number => images * height * width * channels;

interface Layer {
  images: number;
  side: number;
  inputs: number;
  outputs: number;
  window: conv.Window;
}

/** Forward, input gradient and filter gradient of one convolution, in all its forms. */
function convolutions(name: string, { images, side, inputs, outputs, window }: Layer): Case[] {
  const { kernel, stride, pad } = window;
  const out = Math.floor((side + 2 * pad - kernel) / stride) + 1;
  const shape = { window, inputs, outputs };
  const flops = 2 * images * out * out * inputs * outputs * kernel * kernel;
  const filterValues = conv.panelValues(kernel * kernel * inputs, outputs);
  const bytes = 4 * (images * (side * side * inputs + out * out * outputs) + filterValues);
  const entry = (what: string, write: Case['write']): Case => ({
    name: `${name}: ${what}`,
    flops,
    bytes,
    write,
  });
  const x = (memory: Memory) => memory.map(images, side, side, inputs);
  const y = (memory: Memory) => memory.map(images, out, out, outputs);
  const cases = [
    entry('forward', (memory, list) =>
      conv.convolve(list, {
        sources: [x(memory)],
        window,
        filter: memory.room(filterValues),
        out: y(memory),
      }),
    ),
    entry('input gradient', (memory, list) =>
      conv.inputGradient(list, {
        dy: y(memory),
        window,
        filter: memory.room(conv.turnedValues(shape)),
        out: x(memory),
      }),
    ),
    entry('filter gradient', (memory, list) =>
      conv.filterGradient(list, {
        sources: [x(memory)],
        window,
        dy: y(memory),
        out: memory.room(filterValues),
      }),
    ),
  ];
  if (kernel !== 3 || stride !== 1) return cases;
  return [
    ...cases,
    entry('forward, Winograd', (memory, list) => {
      const filter = memory.room(conv.winogradValues(4, inputs, outputs));
      conv.convolveWinograd(list, { sources: [x(memory)], filter, out: y(memory) }, { tile: 4, pad });
    }),
    entry('input gradient, Winograd', (memory, list) => {
      const filter = memory.room(conv.winogradValues(4, outputs, inputs));
      conv.inputGradient(list, { dy: y(memory), window, filter, winograd: 4, out: x(memory) });
    }),
  ];
}

function depthwises(name: string, side: number, channels: number, kernel: number, stride: 1 | 2): Case[] {
  const out = side / stride;
  const flops = 2 * 4 * out * out * channels * kernel * kernel;
  const shared = (memory: Memory) => ({
    filter: memory.room(kernel * kernel * channels),
    kernel,
    stride,
    pad: (kernel - stride) >> 1,
  });
  const bytes = 4 * 4 * channels * (side * side + out * out);
  return [
    {
      name: `${name}: forward`,
      flops,
      bytes,
      write: (memory, list) =>
        maps.depthwise(list, {
          ...shared(memory),
          source: memory.map(4, side, side, channels),
          epilogue: { activation: RELU6 },
          out: memory.map(4, out, out, channels),
        }),
    },
    {
      name: `${name}: input gradient`,
      flops,
      bytes,
      write: (memory, list) =>
        maps.depthwiseGradient(list, {
          ...shared(memory),
          source: memory.map(4, out, out, channels),
          out: memory.map(4, side, side, channels),
        }),
    },
  ];
}

function norms(): Case[] {
  const [images, side, channels] = [4, 32, 64];
  const shared = (memory: Memory) => {
    const sources = [memory.map(images, side, side, channels)];
    const vector = () => memory.room(images * 2 * channels);
    const places = { affine: vector(), statistics: vector(), partials: memory.room(partialValues(sources)) };
    return { sources, groups: 16, weight: memory.room(channels), bias: memory.room(channels), ...places };
  };
  const values = images * side * side * channels;
  return [
    {
      name: 'group norm 64 channels, 32x32: statistics',
      flops: null,
      bytes: 4 * values,
      write: (memory, list) => norm(list, { ...shared(memory), eps: 1e-5 }),
    },
    {
      name: 'group norm 64 channels, 32x32, SiLU: gradient',
      flops: null,
      bytes: 4 * 3 * values,
      write: (memory, list) =>
        normGradient(list, {
          ...shared(memory),
          dy: memory.room(values),
          silu: true,
          sums: memory.room(images * 2 * channels),
          coefficients: memory.room(images * 2 * channels),
          parameters: { weight: memory.room(channels), bias: memory.room(channels), accumulate: false },
          outs: [memory.room(values)],
        }),
    },
  ];
}

function attentions(): Case[] {
  const [images, side, channels] = [4, 16, 128];
  const pixels = side * side;
  const flops = 4 * images * pixels * pixels * channels;
  const bytes = 4 * 4 * images * pixels * channels;
  return [
    {
      name: 'attention 16x16, 128 channels: forward',
      flops,
      bytes,
      write: (memory, list) => {
        const out = memory.map(images, side, side, channels);
        const qkv = memory.room(3 * size(out));
        attention.attention(list, { qkv, heads: 1, keys: memory.room(attention.keyValues(out)), out });
      },
    },
    {
      name: 'attention 16x16, 128 channels: gradient',
      flops: 2.5 * flops,
      bytes: 2 * bytes,
      write: (memory, list) => {
        const dy = memory.map(images, side, side, channels);
        attention.attentionGradient(list, {
          qkv: memory.room(3 * size(dy)),
          heads: 1,
          dy,
          out: memory.room(3 * size(dy)),
        });
      },
    },
  ];
}

const layer = (images: number, side: number, channels: number[], kernel: number, stride: number): Layer => ({
  images,
  side,
  inputs: channels[0]!,
  outputs: channels[1]!,
  window: { kernel, stride, pad: kernel === 1 ? 0 : 1 },
});

const CASES: readonly Case[] = [
  ...convolutions('3x3, 64 to 64, 32x32', layer(4, 32, [64, 64], 3, 1)),
  ...convolutions('3x3, 128 to 128, 16x16', layer(4, 16, [128, 128], 3, 1)),
  ...convolutions('4x4 of stride 2, 64 to 128, 32x32', layer(4, 32, [64, 128], 4, 2)),
  ...convolutions('1x1, 128 to 128, 16x16', layer(4, 16, [128, 128], 1, 1)),
  ...depthwises('depthwise 3x3, 144, 32x32', 32, 144, 3, 1),
  ...depthwises('depthwise 5x5 of stride 2, 144, 32x32', 32, 144, 5, 2),
  ...norms(),
  ...attentions(),
];

/** Times every case: the median of `runs`, of at least 20 ms each. */
export async function measureKernels(runs: number): Promise<KernelRow[]> {
  const runtime = await SimdRuntime.start(16, { threads: 1, startThread: null, kernels: trainingKernels });
  const rows = CASES.map((entry) => {
    const memory = new Memory(Math.ceil(runtime.dataStart / 64) * 64);
    const list = new CallList(1);
    entry.write(memory, list);
    runtime.ensure(memory.end + list.scratchBytes + 4096);
    const values = new Float32Array(runtime.memory.buffer, runtime.dataStart);
    for (let i = 0; i < values.length; i++) values[i] = ((i * 7919) % 1024) / 1024;
    const program = { records: list.records, end: memory.end, scratchBytes: list.scratchBytes };
    const repeated = (times: number): number => {
      const before = process.cpuUsage();
      for (let i = 0; i < times; i++) runtime.run(program);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / times;
    };
    repeated(3);
    const times = Math.max(1, Math.ceil(20 / repeated(2)));
    const ms = median(Array.from({ length: Math.max(1, runs) }, () => repeated(times)));
    return {
      name: entry.name,
      ms,
      gflops: entry.flops === null ? null : entry.flops / ms / 1e6,
      gigabytes: entry.bytes / ms / 1e6,
    };
  });
  runtime.dispose();
  return rows;
}

export const kernelTable = (rows: readonly KernelRow[]): string =>
  [
    '| kernel, one thread | ms of processor time | GFLOP/s | GB/s |',
    '|---|---|---|---|',
    ...rows.map(
      ({ name, ms, gflops, gigabytes }) =>
        `| ${name} | ${ms.toFixed(2)} | ${gflops === null ? '' : gflops.toFixed(1)} | ${gigabytes.toFixed(1)} |`,
    ),
  ].join('\n');
