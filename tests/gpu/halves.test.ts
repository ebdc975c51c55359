import { describe, expect, it } from 'vitest';
import { inHalves } from '../../src/gpu/kernels/halves';
import { kernel } from '../../src/gpu/kernels/kernel';

const of = (body: string, type = 'f32') =>
  kernel({ name: 'test', bindings: { x: type, x1: type, out: type }, uniforms: ['total'], body });

/** The line of a kernel that has this in it. */
const line = (code: string, part: string) => code.split('\n').find((l) => l.includes(part));

describe('a kernel on halves', () => {
  it('widens what it reads and rounds what it writes, and leaves float32 as it is', () => {
    const { code, name } = inHalves(of('let a = x[i] + x1[i]; out[i] = a * 2.0;'), { x: 0, out: 0 });
    expect(name).toBe('test, halves of x out');
    expect(code.startsWith('enable f16;')).toBe(true);
    expect(code).toContain('x: array<f16>');
    expect(code).toContain('x1: array<f32>');
    expect(line(code, 'let a')).toBe('let a = f32(x[i]) + x1[i]; out[i] = f16(a * 2.0);');
  });

  it('undoes a power of two as it reads, and multiplies as it writes', () => {
    const { code } = inHalves(of('out[i] = x[i] - 1.0;', 'vec4f'), { x: 3, out: 3 });
    expect(code).toContain('x: array<vec4h>');
    expect(line(code, 'out[i]')).toBe('out[i] = vec4h(((vec4f(x[i]) * 0.125) - 1.0) * 8);');
  });

  it('finds elements within places and within values', () => {
    const { code } = inHalves(of('out[u32(x[i]) + 1u] = select(0.0, x1[at[i] + 2u], i == 0u);'), {
      x: 0,
      x1: 0,
      out: 0,
    });
    expect(line(code, 'select')).toBe(
      'out[u32(f32(x[i])) + 1u] = f16(select(0.0, f32(x1[at[i] + 2u]), i == 0u));',
    );
  });

  it('has its own arrays in halves too', () => {
    const { code } = inHalves(
      of('var<workgroup> staged: array<f32, 64>;\nstaged[t] = x[t]; let y = staged[0];'),
      {
        staged: 0,
      },
    );
    expect(code).toContain('staged: array<f16, 64>');
    expect(line(code, 'let y')).toBe('staged[t] = f16(x[t]); let y = f32(staged[0]);');
  });

  it('is the kernel itself without halves, and refuses what it cannot rewrite', () => {
    const plain = of('out[i] = x[i];');
    expect(inHalves(plain, {})).toBe(plain);
    expect(() => inHalves(plain, { z: 0 })).toThrow('test has no array z of float32');
    expect(() => inHalves(of('out[i] += x[i];'), { out: 0 })).toThrow('out is changed in place');
  });
});
