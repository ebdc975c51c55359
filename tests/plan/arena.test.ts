import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { openModel } from '../../src/engine/models/open-model';
import { lifetimes, placeBuffers } from '../../src/nn/plan/arena';
import { planNetwork } from '../../src/nn/plan/network-plan';
import { stepReads, valueSize } from '../../src/nn/plan/steps';
import { shippedCases } from '../support/fixtures';

describe('placeBuffers', () => {
  const buffer = fc
    .record({
      bytes: fc.integer({ min: 1, max: 5000 }),
      first: fc.integer({ min: -1, max: 20 }),
      length: fc.nat(8),
    })
    .map(({ bytes, first, length }) => ({ bytes, first, last: first + length }));

  it('never lets two live buffers overlap, and reports the peak', () => {
    fc.assert(
      fc.property(fc.array(buffer, { maxLength: 40 }), (buffers) => {
        const { offsets, bytes } = placeBuffers(buffers);
        for (const [i, a] of buffers.entries()) {
          expect(offsets[i]! % 64).toBe(0);
          expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
          for (const [j, b] of buffers.entries()) {
            if (j <= i || a.last < b.first || b.last < a.first) continue;
            expect(offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!).toBe(true);
          }
        }
      }),
    );
  });

  it('uses a freed place again', () => {
    const { offsets, bytes } = placeBuffers([
      { bytes: 640, first: 0, last: 1 },
      { bytes: 640, first: 1, last: 2 },
      { bytes: 640, first: 2, last: 3 },
    ]);
    expect(bytes).toBe(1280);
    expect(offsets[2]).toBe(offsets[0]);
  });
});

describe.each(shippedCases())('activations of $name', ({ checkpoint }) => {
  const model = openModel(fileSource(checkpoint));
  const plan = planNetwork(model.config.unet, model.weights);

  it('live from where they are made to where they are last read', () => {
    const alive = lifetimes(plan);
    plan.steps.forEach((step, i) => {
      expect(alive.get(step.out)!.first).toBe(i);
      for (const value of stepReads(step)) expect(alive.get(value)!.last).toBeGreaterThanOrEqual(i);
    });
    for (const { value } of plan.outputs.values()) expect(alive.get(value)!.last).toBe(plan.steps.length);
  });

  it('take little more than what lives at once', () => {
    const buffers = [...lifetimes(plan)].map(([value, span]) => ({ bytes: 4 * valueSize(value), ...span }));
    let peak = 0;
    for (let i = 0; i < plan.steps.length; i++)
      peak = Math.max(
        peak,
        buffers.reduce((sum, b) => sum + (b.first <= i && b.last >= i ? b.bytes : 0), 0),
      );
    expect(placeBuffers(buffers).bytes).toBeLessThan(1.25 * peak + 64 * buffers.length);
  });
});
