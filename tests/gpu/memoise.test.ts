import { expect, it } from 'vitest';
import { contraction } from '../../src/gpu/kernels/contraction';
import { filterGradient } from '../../src/gpu/kernels/filter-gradient';
import { memoised } from '../../src/gpu/kernels/memoise';
import type { ContractionOptions } from '../../src/gpu/kernels/tile';
import { HARDWARE, HARDWARE_F16, type KernelTraits } from '../../src/gpu/traits';

const REGISTER: KernelTraits = { ...HARDWARE, tile: { kind: 'register', rows: 8, vectors: 2 } };
const SUBGROUP: KernelTraits = { ...HARDWARE, tile: { kind: 'subgroup', lanes: 8 }, unit: 'f32' };

const conv = (more: Partial<ContractionOptions> = {}): ContractionOptions => ({
  mode: 'conv',
  tile: { ...HARDWARE.tile },
  weights: 'f32',
  sources: 1,
  prologue: { affine: true, silu: false },
  narrow: false,
  ...more,
});

it('makes once for equal arguments', () => {
  let calls = 0;
  const make = memoised((options: { a: number; b: { c: string } }, more?: boolean) => ({
    options,
    more,
    call: ++calls,
  }));
  const first = make({ a: 1, b: { c: 'x' } });
  expect(make({ a: 1, b: { c: 'x' } })).toBe(first);
  expect(calls).toBe(1);
  expect(make({ a: 1, b: { c: 'y' } })).not.toBe(first);
  expect(make({ a: 1, b: { c: 'x' } }, true).more).toBe(true);
  expect(calls).toBe(3);
});

it('a matrix product is written once for equal options, and anew for every other', () => {
  const first = contraction(conv());
  expect(contraction(conv({ prologue: { affine: true, silu: false } })).kernel).toBe(first.kernel);
  const others = [
    conv({ mode: 'matrix' }),
    conv({ tile: HARDWARE_F16.tile }),
    conv({ tile: { ...REGISTER.tile } }),
    conv({ tile: { kind: 'shared', rows: 4, vectors: 2, arithmetic: 'f32' } }),
    conv({ weights: 'f16' }),
    conv({ sources: 2 }),
    conv({ prologue: null }),
    conv({ prologue: { affine: true, silu: true } }),
  ].map((options) => contraction(options).kernel.code);
  expect(new Set([first.kernel.code, ...others]).size).toBe(others.length + 1);
});

it.each([HARDWARE, REGISTER, SUBGROUP])(
  'a filter gradient is written once for equal traits: $reason',
  (traits) => {
    const first = filterGradient(traits);
    expect(filterGradient({ ...traits, tile: { ...traits.tile } }).kernel).toBe(first.kernel);
    const other = traits === SUBGROUP ? HARDWARE : SUBGROUP;
    expect(filterGradient(other).kernel.code).not.toBe(first.kernel.code);
  },
);
