import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GpuContext } from '../../src/gpu/context';
import { kernel, packUniforms } from '../../src/gpu/kernels/kernel';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';

/** Division of whole numbers in kernels, which goes through float32, against the language's own. */

const DIVISORS = [
  ...[1, 2, 3, 4, 5, 7, 12, 60, 96, 127, 128, 255, 1000, 1152, 4097, 65535, 65536],
  ...[999_983, 2 ** 20 + 7, 2 ** 21, 2_359_296, 2 ** 24 + 1, 99_999_989, 2 ** 29 - 3, 2 ** 29],
];

/** Numbers around multiples of a divisor, small ones, the largest ones, and where float32 no longer counts one by one. */
function* numbers(d: number): Generator<number> {
  const around = [0, 2 ** 16, 2 ** 24, 2 ** 24 + 3, 2 ** 25 + 11, 2 ** 28 - 5, 2 ** 31, 2 ** 32 - 1];
  for (const n of around)
    for (const multiple of [Math.floor(n / d) * d, n])
      for (const off of [-2, -1, 0, 1, 2]) {
        const found = multiple + off;
        if (found >= 0 && found < 2 ** 32) yield found;
      }
  for (let i = 1, n = 12345; i < 200; i++, n = (Math.imul(n, 1664525) + 1013904223) >>> 0)
    yield n >>> (i % 24);
}

describe.skipIf(!webgpuWanted)('quotient', () => {
  let context: GpuContext;
  const errors: string[] = [];
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
  });
  afterAll(() => expect(errors).toEqual([]));

  it('is n / d rounded down for every n', async () => {
    const pairs = DIVISORS.flatMap((d) => Array.from(numbers(d), (n) => [n, d] as const));
    const total = pairs.length;
    const tested = kernel({
      name: 'quotients',
      bindings: { n: 'u32', d: 'u32', out: 'u32' },
      uniforms: ['total'],
      body: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < u.total) { out[id.x] = quotient(n[id.x], d[id.x]); }
}`,
    });
    await context.pipelines.prepare([tested]);
    const { pipeline, layout } = context.pipelines.get(tested);
    const { device } = context;
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
    const filled = (values: Uint32Array<ArrayBuffer> | ArrayBuffer, usage: number) => {
      const buffer = device.createBuffer({ size: values.byteLength, usage: usage | COPY_DST });
      device.queue.writeBuffer(buffer, 0, values);
      return buffer;
    };
    const buffers = [
      filled(
        Uint32Array.from(pairs, ([n]) => n),
        STORAGE,
      ),
      filled(
        Uint32Array.from(pairs, ([, d]) => d),
        STORAGE,
      ),
      filled(new Uint32Array(total).fill(0xdeadbeef), STORAGE | COPY_SRC),
      filled(packUniforms(tested, { total }), UNIFORM),
    ];
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const staging = device.createBuffer({ size: 4 * total, usage: MAP_READ | COPY_DST });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(Math.ceil(total / 64));
    pass.end();
    encoder.copyBufferToBuffer(buffers[2]!, 0, staging, 0, 4 * total);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const found = new Uint32Array(staging.getMappedRange());
    const wrong = pairs.filter(([n, d], i) => found[i] !== Math.floor(n / d));
    expect(wrong).toEqual([]);
    for (const buffer of [...buffers, staging]) buffer.destroy();
  });
});
