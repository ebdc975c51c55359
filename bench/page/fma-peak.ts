import { median } from '../statistics';
import type { Peak } from './protocol';

const WORKGROUP = 64;
const WORKGROUPS = 512;
/** Fused multiply-adds of a chain in one turn of the loop, unless turns are to cost what they cost in kernels. */
const UNROLL = 8;
const LANES = 4;
const LONG_ENOUGH_MS = 60;
const REPEATS = 5;

/** Independent chains of vec4 multiply-adds, so that only the arithmetic units are busy. */
function shader(type: 'f32' | 'f16', chains: number, unroll: number): string {
  const each = (line: (k: number) => string) => Array.from({ length: chains }, (_, k) => line(k)).join('\n');
  const step = each((k) => `c${k} = fma(c${k}, m, a);`);
  return `${type === 'f16' ? 'enable f16;' : ''}
struct Given { factor: f32, summand: f32, turns: u32 }
@group(0) @binding(0) var<storage, read_write> result: array<f32>;
@group(0) @binding(1) var<uniform> given: Given;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let m = vec4<${type}>(${type}(given.factor));
  let a = vec4<${type}>(${type}(given.summand));
  // Different in every lane: equal ones would be computed once.
  let x = ${type}(id.x % 16u);
  ${each((k) => `var c${k} = vec4<${type}>(${[0, 1, 2, 3].map((lane) => `x + ${LANES * k + lane}`).join(', ')});`)}
  for (var i = 0u; i < given.turns; i++) {
    ${Array.from({ length: unroll }, () => step).join('\n')}
  }
  let sum = ${Array.from({ length: chains }, (_, k) => `c${k}`).join(' + ')};
  result[id.x] = f32(sum.x + sum.y + sum.z + sum.w);
}`;
}

/** GFLOP/s of the fastest of a few shapes; medians, as for the engines, since other work may share the machine. */
async function peakOf(device: GPUDevice, type: 'f32' | 'f16', unroll = UNROLL): Promise<number> {
  let best = 0;
  for (const chains of [2, 4, 6]) {
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code: shader(type, chains, unroll) }) },
    });
    const result = device.createBuffer({
      size: 4 * WORKGROUP * WORKGROUPS,
      usage: GPUBufferUsage.STORAGE,
    });
    const given = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: result } },
        { binding: 1, resource: { buffer: given } },
      ],
    });
    const run = async (turns: number): Promise<number> => {
      const bytes = new DataView(new ArrayBuffer(16));
      bytes.setFloat32(0, 0.5, true);
      bytes.setFloat32(4, 1, true);
      bytes.setUint32(8, turns, true);
      device.queue.writeBuffer(given, 0, bytes.buffer);
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(WORKGROUPS);
      pass.end();
      const commands = encoder.finish();
      await device.queue.onSubmittedWorkDone();
      const started = performance.now();
      device.queue.submit([commands]);
      await device.queue.onSubmittedWorkDone();
      return performance.now() - started;
    };
    await run(1); // compiles
    let turns = 8;
    while ((await run(turns)) < LONG_ENOUGH_MS && turns < 2 ** 20) turns *= 2;
    const flops = 2 * LANES * chains * unroll * turns * WORKGROUP * WORKGROUPS;
    const times: number[] = [];
    for (let i = 0; i < REPEATS; i++) times.push(await run(turns));
    best = Math.max(best, flops / median(times) / 1e6);
    result.destroy();
    given.destroy();
  }
  return best;
}

/** The most that the adapter's arithmetic gives, or what other work leaves of it. Destroys the device. */
export async function measurePeak(device: GPUDevice): Promise<Peak> {
  const f32 = await peakOf(device, 'f32');
  const rolled = await peakOf(device, 'f32', 1);
  const f16 = device.features.has('shader-f16') ? await peakOf(device, 'f16') : null;
  device.destroy();
  return { f32, rolled, f16 };
}
