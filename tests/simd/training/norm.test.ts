import { describe, expect, it } from 'vitest';
import type { Node, Operation, Shape } from '../../../src/nn/plan/operations';
import { norm, normGradient, partialValues } from '../../../src/simd/calls/norm';
import { batchNormCurvature, normTangent } from '../../../src/simd/calls/norm-second';
import { KernelDefinitions } from '../../plan/definitions';
import { noise } from '../../plan/kernel-cases';
import { relativeError, runCalls } from './kernels';

/** Group norm, adaptive scale and shift, SiLU: values and gradients against float64. */

interface Case {
  images: number;
  height: number;
  width: number;
  /** Channels of the sources. */
  sources: number[];
  groups: number;
  silu: boolean;
  modulated: boolean;
  /** Added to the input. */
  offset?: number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** y = silu?((xhat w + b) (s + 1) + t) of x [N, pixels, C] and the gradients of sum(y dy), by their definitions. */
function definition(
  c: Case,
  x: ArrayLike<number>,
  w: Float32Array,
  b: Float32Array,
  st: Float32Array,
  dy: Float32Array,
) {
  const channels = w.length;
  const pixels = c.height * c.width;
  const size = channels / c.groups;
  const y = new Float64Array(x.length);
  const dx = new Float64Array(x.length);
  const [dw, db, dst] = [new Float64Array(channels), new Float64Array(channels), new Float64Array(st.length)];
  for (let n = 0; n < c.images; n++)
    for (let g = 0; g < c.groups; g++) {
      const members = Array.from(
        { length: pixels * size },
        (_, i) => (n * pixels + Math.floor(i / size)) * channels + g * size + (i % size),
      );
      const mean = members.reduce((sum, i) => sum + x[i]!, 0) / members.length;
      const r =
        1 / Math.sqrt(members.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / members.length + 1e-5);
      let [m1, m2] = [0, 0];
      const slopes = new Map<number, number>();
      for (const i of members) {
        const k = i % channels;
        const [s, t] = [st[n * 2 * channels + k]! + 1, st[n * 2 * channels + channels + k]!];
        const xhat = (x[i]! - mean) * r;
        const u = (xhat * w[k]! + b[k]!) * s + t;
        y[i] = c.silu ? u * sigmoid(u) : u;
        const du = dy[i]! * (c.silu ? sigmoid(u) * (1 + u * (1 - sigmoid(u))) : 1);
        dst[n * 2 * channels + k]! += du * (xhat * w[k]! + b[k]!);
        dst[n * 2 * channels + channels + k]! += du;
        dw[k]! += du * s * xhat;
        db[k]! += du * s;
        slopes.set(i, du * s * w[k]!);
        m1 += (du * s * w[k]!) / members.length;
        m2 += (du * s * w[k]! * xhat) / members.length;
      }
      for (const i of members) dx[i] = r * (slopes.get(i)! - m1 - (x[i]! - mean) * r * m2);
    }
  return { y, dx, dw, db, dst };
}

/** Channels `from` to `from + count` of rows of `channels`. */
const channelsOf = <T extends Float32Array | Float64Array>(
  x: T,
  channels: number,
  from: number,
  count: number,
) =>
  Float32Array.from(
    { length: (x.length / channels) * count },
    (_, i) => x[Math.floor(i / count) * channels + from + (i % count)]!,
  );

const CASES: [string, Case][] = [
  ['of one map', { images: 2, height: 5, width: 7, sources: [24], groups: 3, silu: false, modulated: false }],
  ['with SiLU', { images: 3, height: 9, width: 8, sources: [20], groups: 5, silu: true, modulated: false }],
  [
    'adaptive, with SiLU',
    { images: 2, height: 8, width: 8, sources: [12], groups: 3, silu: true, modulated: true },
  ],
  [
    'of two maps',
    { images: 2, height: 6, width: 9, sources: [12, 20], groups: 8, silu: true, modulated: true },
  ],
  [
    'in many chunks',
    { images: 2, height: 33, width: 31, sources: [68], groups: 17, silu: true, modulated: false },
  ],
  [
    'of one pixel',
    { images: 3, height: 1, width: 1, sources: [32], groups: 2, silu: true, modulated: false },
  ],
  [
    'of a batch norm',
    { images: 1, height: 24, width: 6, sources: [20], groups: 20, silu: false, modulated: false },
  ],
  [
    'beside a large mean',
    { images: 1, height: 16, width: 16, sources: [8], groups: 2, silu: false, modulated: false, offset: 20 },
  ],
];

describe('gradient of a norm', () => {
  it.each(CASES)('%s', async (_name, c) => {
    const channels = c.sources.reduce((a, b) => a + b, 0);
    const pixels = c.height * c.width;
    const count = c.images * pixels * channels;
    const x = noise(count, 1).map((v) => v + (c.offset ?? 0));
    const dy = noise(count, 2);
    const residual = noise(count, 3);
    const [w, b] = [noise(channels, 4).map((v) => 1 + v / 2), noise(channels, 5)];
    const st = c.modulated ? noise(c.images * 2 * channels, 6) : new Float32Array(c.images * 2 * channels);
    const before = noise(channels, 8);
    const expected = definition(c, x, w, b, st, dy);
    const { placed, read } = await runCalls((layout, list) => {
      let from = 0;
      const sources = c.sources.map((own) => {
        from += own;
        return layout.map(c.images, c.height, c.width, own, channelsOf(x, channels, from - own, own));
      });
      const room = () => layout.room(c.images * 2 * channels);
      const modulate = c.modulated ? { at: layout.put(st), stride: 8 * channels } : undefined;
      const shared = {
        sources,
        groups: c.groups,
        weight: layout.put(w),
        bias: layout.put(b),
        modulate,
        partials: layout.room(partialValues(sources)),
        affine: room(),
        statistics: room(),
      };
      norm(list, { ...shared, eps: 1e-5 });
      const places = {
        affine: shared.affine,
        vector: room(),
        weight: layout.put(before),
        bias: layout.put(before),
        outs: c.sources.map((own) => layout.room(c.images * pixels * own)),
      };
      normGradient(list, {
        ...shared,
        dy: layout.put(dy),
        silu: c.silu,
        sums: room(),
        coefficients: room(),
        modulateGradient: c.modulated ? { at: places.vector, stride: 8 * channels } : undefined,
        parameters: { weight: places.weight, bias: places.bias, accumulate: true },
        residual: layout.put(residual),
        residualScale: 0.5,
        outs: places.outs,
      });
      return places;
    });
    const affine = read(placed.affine, c.images * 2 * channels);
    const y = Float64Array.from(x, (v, i) => {
      const n = Math.floor(i / channels / pixels);
      const u =
        v * affine[2 * n * channels + (i % channels)]! + affine[(2 * n + 1) * channels + (i % channels)]!;
      return c.silu ? u * sigmoid(u) : u;
    });
    const bound = c.offset ? 1e-4 : 5e-6;
    expect(relativeError(y, expected.y)).toBeLessThan(bound);
    let from = 0;
    for (const [k, own] of c.sources.entries()) {
      const dx = expected.dx.map((v, i) => v + residual[i]! / 2);
      const found = read(placed.outs[k]!, c.images * pixels * own);
      expect(relativeError(found, channelsOf(dx, channels, from, own))).toBeLessThan(bound);
      from += own;
    }
    const added = (v: Float64Array) => v.map((value, i) => value + before[i]!);
    expect(relativeError(read(placed.weight, channels), added(expected.dw))).toBeLessThan(bound);
    expect(relativeError(read(placed.bias, channels), added(expected.db))).toBeLessThan(bound);
    if (c.modulated) expect(relativeError(read(placed.vector, st.length), expected.dst)).toBeLessThan(bound);
  });
});

describe('what a norm is asked where its gradient is differentiated again', () => {
  /** An operation by its definition, of maps and perhaps a weight. */
  const defined = (operation: Operation, shape: Shape, images: number, given: readonly Float32Array[]) => {
    const inputs = given.map(() => ({ shape }) as Node);
    const node = { operation, shape, inputs } as unknown as Node;
    return new KernelDefinitions(images).value(
      node,
      given.map((values) => Float64Array.from(values)),
    );
  };

  it.each([
    { over: 'image' as const, images: 2, height: 9, width: 7, channels: 24, groups: 3 },
    { over: 'batch' as const, images: 3, height: 9, width: 7, channels: 20, groups: 20 },
    { over: 'batch' as const, images: 2, height: 1, width: 1, channels: 64, groups: 64 },
  ])('over $over: $channels channels in $groups groups', async (one) => {
    const { over, images, height, width, channels, groups } = one;
    const count = images * height * width * channels;
    const eps = 1e-2;
    const [x, dy, v] = [1, 2, 3].map((seed) => noise(count, seed)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const weight = noise(channels, 4).map((value) => 1 + value / 2);
    const shape = { height, width, channels };
    const together = over === 'batch';
    const { placed, read } = await runCalls((layout, list) => {
      const source = together
        ? layout.map(1, images * height, width, channels, x)
        : layout.map(images, height, width, channels, x);
      const room = () => layout.room(images * 2 * channels);
      const shared = {
        groups,
        weight: layout.put(weight),
        statistics: room(),
        partials: layout.room(partialValues([source])),
      };
      norm(list, { ...shared, sources: [source], bias: layout.put(noise(channels, 5)), eps, affine: room() });
      const places = { tangent: layout.room(count), curvature: layout.room(count) };
      const along = layout.put(v);
      const own = { source, v: along, sums: room(), coefficients: room() };
      normTangent(list, { ...shared, ...own, out: places.tangent });
      if (together)
        batchNormCurvature(list, { ...shared, source, dy: layout.put(dy), v: along, out: places.curvature });
      return places;
    });
    const tangent = defined({ op: 'normTangent', groups, eps, over }, shape, images, [x, v]);
    expect(relativeError(read(placed.tangent, count), tangent)).toBeLessThan(5e-6);
    if (!together) return;
    const curvature = defined({ op: 'batchNormCurvature', eps }, shape, images, [x, dy, v, weight]);
    expect(relativeError(read(placed.curvature, count), curvature)).toBeLessThan(1e-5);
  });
});
